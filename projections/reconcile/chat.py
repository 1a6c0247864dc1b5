"""The reading of one chat: what it is, who is in it, and its messages, page by page."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, NamedTuple

from eventstore.database import Session
from eventstore.fetching.portal_client import PortalError, Refused
from projections.reconcile import known
from projections.reconcile.asking import Asking, Stopped
from projections.reconcile.methods import Chat, Methods, Read
from projections.reconcile.told import (
    Access,
    Body,
    chat_read,
    members_read,
    messages_read,
)
from projections.reconcile.walk import PostedFrom, Readings, Target, Walk

LOST: Final = frozenset(
    {"ACCESS_DENIED", "ACCESS_ERROR", "CHAT_ACCESS_DENIED", "MESSAGE_ACCESS_DENIED"}
)
"""How a portal says that the reader has not, or has no more, what it asks for."""

_MARK: Final = 20
"""Pages after which the log is told how far the reading has come: what a kill costs at most."""

Tell = Callable[[Sequence[Body]], Awaitable[None]]
"""Appends bodies to the log, in their order."""

Outcome = Literal["read", "lost", "limited", "refused"]


class Reader(NamedTuple):
    """Who reads, and with what: `reading` lends a session on the portal's read models.

    `progress` is told how many messages of the chat were read, of how many, where that is known.
    """

    portal_id: int
    receiver: str
    asking: Asking
    methods: Methods
    reading: Callable[[], AbstractAsyncContextManager[Session]]
    tell: Tell
    progress: Callable[[int, int | None], None]


class Summary(NamedTuple):
    """How the reading of a chat ended. `missing` were known, and were looked for in vain."""

    chat_id: int
    outcome: Outcome
    messages: int = 0
    missing: int = 0
    code: str | None = None


class Told(NamedTuple):
    """What the log was told of a chat's messages."""

    messages: int = 0
    missing: int = 0
    limited: bool = False


async def read_chat(
    reader: Reader, chat_id: int, target: Target, before: Sequence[Readings]
) -> Summary:
    """Read a chat as far back as is wanted, or as what was read `before`, and tell the log.

    What the portal refuses is told, and no error. Raises Stopped when somebody asked to end, and
    other PortalErrors: what was told stays told, and the next reading goes on behind it.
    """
    try:
        chat = await reader.methods.chat(chat_id)
    except Refused as error:
        return await _refused(reader, chat_id, error)
    await _read_members(reader, chat_id)
    walk = Walk(target, before)
    everything = chat.messages if target.since is None and not before else None
    try:
        told = await _read_messages(reader, chat_id, chat, walk, everything)
    except Refused as error:
        return await _refused(reader, chat_id, error)
    limited = told.limited or (walk.saw_beginning and await reader.methods.hides_some(chat_id))
    if not walk.read and chat.messages:
        limited = True  # it says that it has some
    access: Access = "limited" if limited else "read"
    await reader.tell([_mark(chat_id, chat, walk, access)])
    return Summary(chat_id, access, told.messages, told.missing)


async def _refused(reader: Reader, chat_id: int, error: Refused) -> Summary:
    if error.code not in LOST:
        return Summary(chat_id, "refused", code=error.code)
    await reader.tell([chat_read(chat_id, reader.asking.portal_now, "lost", None, None)])
    return Summary(chat_id, "lost", code=error.code)


async def _read_members(reader: Reader, chat_id: int) -> None:
    try:
        members = await reader.methods.members(chat_id)
    except Refused:
        return  # also to a member, of the chat of all (reference, section 7)
    expected: Collection[int] = ()
    if members.whole:
        async with reader.reading() as session:
            expected = await known.members_of(session, reader.portal_id, chat_id)
    if members.ids:
        told = members_read(
            chat_id,
            members.method,
            members.at,
            members=members.ids,
            users=members.users,
            known=expected,
        )
        await reader.tell([told])


async def _read_messages(
    reader: Reader, chat_id: int, chat: Chat, walk: Walk, everything: int | None
) -> Told:
    told = Told()
    pages = 0
    try:
        while (asked := walk.next()) is not None:
            if isinstance(asked, PostedFrom):
                async with reader.reading() as session:
                    found = await known.posted_from(session, reader.portal_id, chat_id, asked.at)
                walk.found(found)
                continue
            read = await reader.methods.older(chat_id, asked.than)
            told = told._replace(limited=told.limited or read.limited)
            if not walk.take(read.page):
                continue
            missing = await _tell_page(reader, chat_id, read)
            told = told._replace(messages=walk.read, missing=told.missing + missing)
            reader.progress(walk.read, everything)
            pages += 1
            if pages % _MARK == 0 and walk.next() is not None:
                await reader.tell([_mark(chat_id, chat, walk, "read")])
    except (Stopped, PortalError) as error:
        if walk.read and not isinstance(error, Refused):
            await reader.tell([_mark(chat_id, chat, walk, "read")])
        raise
    return told


def _mark(chat_id: int, chat: Chat, walk: Walk, access: Access) -> Body:
    """Tell how far the reading has come: the next one goes on behind it."""
    since = walk.oldest if walk.read else chat.at
    whole = walk.at_beginning and access == "read"
    return chat_read(chat_id, chat.at, access, None if whole else since, chat.shown)


async def _tell_page(reader: Reader, chat_id: int, read: Read) -> int:
    """Tell of a page; return how many that are known and should be on it are not."""
    if read.vouched is None:
        return 0
    async with reader.reading() as session:
        expected = await known.live_messages(session, reader.portal_id, chat_id, read.vouched)
    await reader.tell([*messages_read(chat_id, read.given, read.vouched, expected)])
    return len({*expected}.difference(read.page.ids))
