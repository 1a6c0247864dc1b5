"""Messages as of a moment: which a chat or a portal had, and what each was.

A row of which the view knows all that it tells of serves as it is. What the view's edge cuts is
folded from the facts that are known.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, or_, select, union_all

from eventstore.database import Row, Session, one_of
from projections.facts import Fact
from projections.messages import (
    MessageRow,
    VersionRow,
    message,
    message_claim,
    message_rows,
    message_version,
)
from projections.reactions import ReactionRow, reaction, reaction_rows
from projections.read.search import named, said
from projections.read.then.facts import TOLD_OF, facts_of_messages
from projections.view import View

_ABREAST: Final = 64
"""Messages that are read at once, at least, while those that fit are looked for."""

_FILTERS: Final[Mapping[str, ColumnElement[bool]]] = {
    # What a row says of all facts, any of them said; of fewer, it is disputed.
    "from": or_(message.c.posted_at >= bindparam("from"), message.c.disputed == 1),
    "to": message.c.posted_at < bindparam("to"),
    "state": or_(
        bindparam("state") == "live", message.c.state == "deleted", message.c.disputed == 1
    ),
}
_CLAIMABLE: Final = {"chat": message.c.chat_id, "author": message.c.author_id}

FIRST: Final = -1
"""Before every message."""

_FITS: Final[Mapping[str, Callable[[MessageRow, Any], bool]]] = {
    "chat": lambda row, chat_id: row.chat_id == chat_id,
    "author": lambda row, author_id: row.author_id == author_id,
    "from": lambda row, begin: row.posted_at is not None and row.posted_at >= begin,
    "to": lambda row, end: row.posted_at is not None and row.posted_at < end,
    "state": lambda row, state: row.state == state,
    "has_file": lambda row, _: row.files != "[]",
    "has_forward": lambda row, _: row.forward is not None,
    "has_reply": lambda row, _: row.reply_to is not None,
    "has_edit": lambda row, _: row.edited_basis is not None,
}
"""The filters of `projections.read.filters` but for the reactions, which no message row has."""

_OF_PORTAL: Final = message.c.portal_id == bindparam("portal_id")
_SOME: Final = select(message).where(
    _OF_PORTAL, one_of(message.c.message_id, "message_ids"), *TOLD_OF
)
_VERSIONS: Final = (
    select(message_version)
    .where(
        message_version.c.portal_id == bindparam("portal_id"),
        one_of(message_version.c.message_id, "message_ids"),
    )
    .order_by(*message_version.primary_key)
)
_REACTIONS: Final = (
    select(reaction)
    .where(
        reaction.c.portal_id == bindparam("portal_id"),
        one_of(reaction.c.message_id, "message_ids"),
    )
    .order_by(*reaction.primary_key)
)


class Walk(NamedTuple):
    """Where messages are looked for: behind `key`, by ascending ids or by descending ones.

    Only `among` these, if they are given; only where one text that was told has all `needles`.
    """

    filters: Mapping[str, Any]
    key: int
    limit: int
    ascending: bool = True
    among: Collection[int] | None = None
    needles: Sequence[str] = ()


class Messages:
    """The messages of one portal in one view. What was read of them once is kept."""

    def __init__(self, session: Session, portal_id: int, view: View) -> None:
        self._session = session
        self._portal_id = portal_id
        self._view = view
        self._known: dict[int, MessageRow | None] = {}
        self._facts: dict[int, Sequence[Fact]] = {}

    async def rows(self, message_ids: Collection[int]) -> dict[int, MessageRow]:
        """Return those of these messages that are known."""
        missing = set(message_ids) - self._known.keys()
        if missing:
            self._known.update(dict.fromkeys(missing))
            await self._take(
                await self._session.rows(
                    _SOME,
                    portal_id=self._portal_id,
                    message_ids=sorted(missing),
                    **self._view.bounds,
                )
            )
        return {each: row for each in message_ids if (row := self._known[each])}

    async def _take(self, rows: Sequence[Row]) -> list[int]:
        """Keep messages as the view knows them; return their ids, in the order of the rows."""
        read = [MessageRow._make(row) for row in rows]
        cut = [row.message_id for row in read if not self._knows_all_of(row)]
        told: Mapping[int, Sequence[Fact]] = {}
        if cut:
            told = await facts_of_messages(self._session, self._portal_id, self._view, cut)
        self._known.update({row.message_id: row for row in read})
        for each in cut:
            self._facts[each] = told.get(each, ())
            self._known[each] = message_rows(self._facts[each]).message
        return [row.message_id for row in read]

    def _knows_all_of(self, row: MessageRow) -> bool:
        return row.last_position <= self._view.position and row.last_at <= self._view.time

    async def versions(self, message_ids: Collection[int]) -> dict[int, Sequence[VersionRow]]:
        """Return the versions of those of these messages that are known, oldest first."""
        known = await self.rows(message_ids)
        found: dict[int, Sequence[VersionRow]] = dict.fromkeys(known, ())
        whole = sorted(known.keys() - self._facts.keys())
        if whole:
            rows = await self._session.rows(_VERSIONS, portal_id=self._portal_id, message_ids=whole)
            read = map(VersionRow._make, rows)
            found |= {each: [*of_it] for each, of_it in groupby(read, attrgetter("message_id"))}
        for each in known.keys() & self._facts.keys():
            found[each] = message_rows(self._facts[each]).versions
        return found

    async def reactions(self, message_ids: Collection[int]) -> list[ReactionRow]:
        """Return all reactions on those of these messages that are known, ascending."""
        known = await self.rows(message_ids)
        whole = sorted(known.keys() - self._facts.keys())
        rows: list[ReactionRow] = []
        if whole:
            found = await self._session.rows(
                _REACTIONS, portal_id=self._portal_id, message_ids=whole
            )
            rows = [ReactionRow._make(row) for row in found]
        folded = [row for each in known.keys() & self._facts.keys() for row in self._folded(each)]
        return sorted([*rows, *folded], key=lambda row: row[:5]) if folded else rows

    def _folded(self, message_id: int) -> Sequence[ReactionRow]:
        return reaction_rows(self._facts[message_id])

    async def walk(self, walk: Walk) -> list[MessageRow]:
        """Return messages in the order of the walk, those that its filters keep."""
        found: list[MessageRow] = []
        async with aclosing(self.batches(walk)) as batches:
            async for rows in batches:
                found += rows
                if len(found) >= walk.limit:
                    break
        return found[: walk.limit]

    async def batches(self, walk: Walk) -> AsyncGenerator[list[MessageRow]]:
        """Give the messages that the filters of a walk keep, in its order, some at a time."""
        most = max(walk.limit, _ABREAST)
        key: int | None = walk.key
        while key is not None:
            ids = await self._candidates(walk._replace(key=key, limit=most))
            known = [row for each in ids if (row := self._known[each])]
            held = await self._held(ids) if "has_reaction" in walk.filters else ()
            yield [row for row in known if _fits(row, walk, held)]
            key = ids[-1] if len(ids) == most else None

    async def _candidates(self, walk: Walk) -> list[int]:
        """Read the next messages of a walk; return their ids, in its order."""
        if walk.among is not None:
            beyond = walk.key.__lt__ if walk.ascending else walk.key.__gt__
            ids = sorted(filter(beyond, walk.among), reverse=not walk.ascending)[: walk.limit]
            await self.rows(ids)
            return ids
        statement = _candidates(
            frozenset(walk.filters), needles=len(walk.needles), ascending=walk.ascending
        )
        return await self._take(
            await self._session.rows(
                statement,
                portal_id=self._portal_id,
                key=walk.key,
                limit=walk.limit,
                **self._view.bounds,
                **walk.filters,
                **named(walk.needles),
            )
        )

    async def _held(self, message_ids: Collection[int]) -> Collection[int]:
        """Return the messages on which somebody holds a reaction."""
        rows = await self.reactions(message_ids)
        return {row.message_id for row in rows if row.until_basis is None}


def _fits(row: MessageRow, walk: Walk, held: Collection[int]) -> bool:
    return all(
        _FITS[name](row, value) if name in _FITS else row.message_id in held
        for name, value in walk.filters.items()
    )


@lru_cache
def _candidates(filters: frozenset[str], *, needles: int, ascending: bool) -> Select[Any]:
    """Find messages that may be in a view, and may be what is asked for: seldom too many."""
    # Of several, one leads: the chat, else the author.
    leading = next((name for name in _CLAIMABLE if name in filters), None)
    key: BindParameter[int] = bindparam("key")

    def some(found: Select[Any], message_id: ColumnElement[int]) -> Select[Any]:
        beyond = message_id > key if ascending else message_id < key
        order = message_id if ascending else message_id.desc()
        return found.where(beyond).order_by(order).limit(bindparam("limit"))

    conditions = [_FILTERS[name] for name in sorted(filters & _FILTERS.keys())]
    if needles:
        conditions.append(said(message, needles))
    told = select(message).where(_OF_PORTAL, *TOLD_OF, *conditions)
    if leading is None:
        return some(told, message.c.message_id)
    told = told.where(_CLAIMABLE[leading] == bindparam(leading))
    claimed = (
        select(message)
        .join_from(
            message_claim,
            message,
            (message.c.portal_id == message_claim.c.portal_id)
            & (message.c.message_id == message_claim.c.message_id),
        )
        .where(
            message_claim.c.portal_id == bindparam("portal_id"),
            message_claim.c.subject == leading,
            message_claim.c.claimed == bindparam(leading),
        )
    )
    # A limit of their own, or all messages of a chat would be sorted for a page.
    parts = (some(told, message.c.message_id), some(claimed, message_claim.c.message_id))
    either = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return some(select(either), either.c.message_id)
