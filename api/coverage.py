"""How well it was seen what an answer shows; and of each chat, by whom, and what is missing."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from api import models
from api.endpoint import Endpoint
from api.models import Listed
from api.queries import CoverageQuery
from api.read import Read, ReadList, no_such
from api.times import shown, spelled
from eventstore.event import MAX_INSTANT
from projections.coverage import (
    ALWAYS,
    EVER,
    NEVER,
    Coverage,
    Hole,
    Window,
    coverage,
    judged,
    seen_by,
    summary,
)
from projections.messages import MessageRow
from projections.read import chats
from projections.read.chats import ChatKey
from projections.read.orphans import MOST, Orphans
from projections.read.reader import Reader

_SHOWN: Final = 100
"""Orphans whose ids are shown, and holes that are shown beside something else: the newest."""


async def tell_of_messages(
    read: Read[Any], chat_id: int | None, rows: Sequence[MessageRow]
) -> None:
    """Say in `meta` how well these messages of a chat were seen, and all that came after them.

    From the oldest on, for what they say now may have changed at any time since. Where nothing is
    shown, or a creation was not witnessed, from the beginning of the chat.
    """
    created = [ALWAYS if row.posted_at is None else row.posted_at for row in rows]
    window = window_of(
        read,
        begin=min(created, default=ALWAYS),
        lived=max((row.last_at for row in rows), default=ALWAYS),
    )
    if chat_id is None:
        await _tell(read, Coverage("unknown", None, None, (), "unknown"))
    else:
        evidence = await read.reader.evidence(chat_id, since=window.begin)
        await _tell(read, coverage(evidence, window))


async def tell_of_chat(read: Read[Any], chat_id: int) -> None:
    """Say in `meta` how well a chat was seen from its beginning on."""
    await tell_of_messages(read, chat_id, ())


async def tell_of_members(read: Read[Any], chat_id: int) -> None:
    """Say in `meta` how well the members of a chat are known: never for sure.

    To leave, or to be removed, need not be told to anybody (reference, trap 6).
    """
    await tell_of_chat(read, chat_id)
    told = read.meta["coverage"]
    if told and told["status"] == "complete":
        told["status"] = "partial"


async def tell_of_portal(read: Read[Any]) -> None:
    """Say in `meta` how the queues of a portal were watched, unless one sees some chats only."""
    if read.access.limits.chats is None:
        await _tell(read, summary(await read.reader.watches(), window_of(read)))
    else:
        read.meta["coverage"] = None


async def _tell(read: Read[Any], found: Coverage) -> None:
    read.meta["coverage"] = _coverage(found._replace(holes=found.holes[-_SHOWN:]))


def window_of(read: Read[Any], *, begin: int = ALWAYS, lived: int = ALWAYS) -> Window:
    """Return what is asked about: from where the token sees messages, until the time of the view.

    Where the token sees none any more is no end: what it does see may have changed since.
    """
    since = read.access.limits.since
    end = NEVER if read.view is None or read.view.time == MAX_INSTANT else read.view.time
    return Window(begin if since is None else max(begin, since), end, lived)


def _coverage(found: Coverage) -> models.Coverage:
    return models.Coverage(
        status=found.status,
        since=shown(found.since),
        until=shown(found.until),
        reactions=found.reactions,
        holes=[*map(_hole, found.holes)],
    )


def _hole(hole: Hole) -> models.Hole:
    return {
        "from": shown(hole.begin),
        "until": shown(hole.until),
        "cause": hole.cause,
        "receiver": hole.receiver,
        "repaired": hole.repaired,
    }


def _orphans(found: Orphans | None) -> models.Orphans | None:
    if found is None:
        return None
    return models.Orphans(messages=_ids(found.messages), replies=_ids(found.replies))


def _ids(ids: Sequence[int]) -> models.OrphanIds:
    return models.OrphanIds(
        count=models.Count(value=min(len(ids), MOST), capped=len(ids) > MOST),
        ids=[*map(str, ids[:_SHOWN])],
    )


async def page(read: ReadList[CoverageQuery]) -> Listed[models.ChatCoverage]:
    """How well chats were seen: one, or all, most recent activity first."""
    await tell_of_portal(read)
    if read.query.chat is not None:
        if not await read.reader.chat_exists(read.query.chat):
            raise no_such("chat")
        return read.page([await of_chat(read.reader, read.query.chat, window_of(read))], None)
    found, more = read.cut(
        await read.reader.chats(
            of_type=None, key=ChatKey(*read.key(chats.LATEST)), limit=read.fetch
        ),
        lambda chat: [chat.row.last_activity_at, chat.row.chat_id],
    )
    shown = [await of_chat(read.reader, each.row.chat_id, window_of(read)) for each in found]
    return read.page(shown, more)


async def of_chat(reader: Reader, chat_id: int, window: Window = EVER) -> models.ChatCoverage:
    """Show how well a chat was seen, by whom, and what tells of messages that are unknown."""
    evidence = await reader.evidence(chat_id, since=window.begin)
    seen = seen_by(evidence)
    return models.ChatCoverage(
        chat_id=str(chat_id),
        **_coverage(judged(seen, evidence.looks, window)),
        receivers=[
            models.Receiver(receiver=each.receiver, covered=_intervals(each.covered))
            for each in seen
        ],
        orphans=_orphans(await reader.orphans(chat_id)),
    )


def _intervals(covered: Iterable[tuple[int, int]]) -> list[models.Interval]:
    return [{"from": spelled(since), "until": spelled(until)} for since, until in covered]


async def of_portal(reader: Reader, window: Window = EVER) -> models.PortalCoverage:
    """Show how the queues of a portal were watched."""
    return models.PortalCoverage(
        **_coverage(summary(await reader.watches(), window)),
        orphans=_orphans(await reader.orphans(None)),
    )


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/coverage",
        ("messages:read",),
        CoverageQuery,
        Listed[models.ChatCoverage],
        "What was seen of each chat, by whom, and what was not",
        page,
        narrows=True,
    ),
)
