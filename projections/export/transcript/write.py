"""Writes the transcript of a chat: its head, its members, its messages in order, its end.

It reads some hundred messages at a time, so that a chat of any size needs the same memory.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.metadata import version
from typing import Final, NamedTuple

from pydantic_core import from_json

from eventstore.database import Session
from eventstore.event import MAX_INSTANT, Instant
from projections.coverage import ALWAYS, NEVER, Window, coverage
from projections.errors import NothingToExport
from projections.export.transcript.clock import Clock
from projections.export.transcript.names import Names
from projections.export.transcript.page import Page
from projections.export.transcript.shapes import Head, Hole, Message, Place, titles
from projections.export.transcript.shaping import Shaping, Told
from projections.export.wanted import Wanted
from projections.messages import MessageRow
from projections.project import checkpoint_of
from projections.reactions import ReactionRow
from projections.read.members import FIRST as FIRST_MEMBER
from projections.read.members import MemberKey
from projections.read.then.messages import FIRST, Messages, Walk
from projections.read.then.reader import Then
from projections.view import View

_ABREAST: Final = 500
"""Messages, or members, that are read at once."""


class Asked(NamedTuple):
    """What a transcript is of: a chat, as a view knows it, of an export begun at `made_at`."""

    chat_id: int
    wanted: Wanted
    view: View
    head: int
    made_at: Instant


class Shown(NamedTuple):
    """A part of a page, and how many messages stand in it."""

    text: str
    messages: int = 0


async def transcript(session: Session, portal_id: int, asked: Asked) -> AsyncIterator[Shown]:
    """Give the page of a chat, in parts. Call it inside a moment of the session.

    Raises NothingToExport where the view knows nothing of the chat, and StoreUnavailable.
    """
    newest = await checkpoint_of(session, portal_id)
    reader = Then(session, portal_id, asked.view, newest=newest)
    writer = _Writer(session, portal_id, asked, reader)
    yield Shown(await writer.head())
    async for members in writer.members():
        yield Shown(members)
    async for part in writer.messages():
        yield part
    yield Shown(writer.end())


class _Writer:
    def __init__(self, session: Session, portal_id: int, asked: Asked, reader: Then) -> None:
        self._session = session
        self._portal_id = portal_id
        self._asked = asked
        self._reader = reader
        self._names = Names(reader)
        self._shaping = Shaping(self._names, withhold=asked.wanted.withhold)
        self._clock = Clock(asked.wanted.zone)
        self._page = Page(self._clock)
        self._holes: list[Hole] = []
        self._number = 0
        self._day: str | None = None

    async def head(self) -> str:
        wanted, view, chat_id = self._asked.wanted, self._asked.view, self._asked.chat_id
        chat = await self._reader.chat(chat_id)
        if chat is None:
            raise NothingToExport(f"{wanted.portal}: nothing was told of chat {chat_id} by then")
        begin = ALWAYS if wanted.since is None else wanted.since
        end = NEVER if view.time == MAX_INSTANT else view.time
        window = Window(begin, end, chat.row.last_activity_at)
        seen = coverage(await self._reader.evidence(chat_id, since=begin), window)
        self._holes = [Hole(*hole) for hole in seen.holes]
        await self._names.know([chat.row.owner_id])
        shown = Head(
            portal=wanted.portal,
            chat=chat.row,
            titles=titles(await self._reader.chat_versions(chat_id)),
            position=view.position,
            head=self._asked.head,
            made_at=self._asked.made_at,
            version=version("chronicle"),
            as_of=wanted.as_of,
            since=wanted.since,
            until=wanted.until,
            coverage=seen,
            holes=[*self._holes],
            withhold=wanted.withhold,
        )
        owner = self._shaping.who(chat.row.owner_id or None, chat.row.last_activity_at)
        return self._page.head(shown, owner)

    async def members(self) -> AsyncIterator[str]:
        key: MemberKey | None = FIRST_MEMBER
        while key is not None:
            rows = await self._reader.members(
                self._asked.chat_id, current=False, key=key, limit=_ABREAST
            )
            more = len(rows) == _ABREAST
            key = MemberKey(rows[-1].user_id, rows[-1].ordinal) if more else None
            await self._names.know({row.user_id for row in rows})
            yield self._page.members([self._shaping.member(row) for row in rows])

    async def messages(self) -> AsyncIterator[Shown]:
        yield Shown(self._page.between())
        key: int | None = FIRST
        while key is not None:
            # One of its own each time, for it keeps what it has read.
            read = Messages(self._session, self._portal_id, self._asked.view)
            walk = Walk({"chat": self._asked.chat_id}, key, _ABREAST)
            rows = await read.walk(walk)
            key = rows[-1].message_id if len(rows) == _ABREAST else None
            if chosen := [row for row in rows if self._lies_in_the_window(row)]:
                shown = await self._shown(read, chosen)
                yield Shown(self._page.messages(shown), len(shown))

    def _lies_in_the_window(self, row: MessageRow) -> bool:
        since, until = self._asked.wanted.since, self._asked.wanted.until
        if since is None and until is None:
            return True
        at = row.posted_at
        return at is not None and (since is None or at >= since) and (until is None or at < until)

    async def _shown(self, read: Messages, rows: Sequence[MessageRow]) -> list[Message]:
        ids = [row.message_id for row in rows]
        versions = await read.versions(ids)
        reactions: dict[int, list[ReactionRow]] = {each: [] for each in ids}
        for reaction in await read.reactions(ids):
            reactions[reaction.message_id].append(reaction)
        told = [
            Told(
                row,
                versions[row.message_id],
                reactions[row.message_id],
                from_json(row.reply_to) if row.reply_to else None,
            )
            for row in rows
        ]
        await self._names.know(set[int | None]().union(*(each.named for each in told)))
        return [self._shaping.message(each, self._place(each.row.posted_at)) for each in told]

    def _place(self, at: Instant | None) -> Place:
        self._number += 1
        return Place(self._number, self._new_day(at), [*self._holes_before(at)])

    def _new_day(self, at: Instant | None) -> str | None:
        day = self._day if at is None else self._clock.day(at)
        before, self._day = self._day, day
        return None if day == before else day

    def _holes_before(self, at: Instant | None) -> Iterator[Hole]:
        while self._holes and at is not None:
            if (self._holes[0].begin or ALWAYS) > at:
                return
            yield self._holes.pop(0)

    def end(self) -> str:
        return self._page.end(self._number, self._holes)
