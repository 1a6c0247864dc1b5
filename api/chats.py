"""Chats: the most recently active first, one with its history, and its timeline."""

from collections.abc import Sequence
from typing import Any, Final

from api import models, shapes
from api.coverage import tell_of_chat, tell_of_messages, tell_of_portal
from api.endpoint import Endpoint
from api.message_shape import shown_messages
from api.models import Listed, One
from api.queries import ChatsQuery, PortalQuery, TimelineQuery
from api.read import Read, ReadList, no_such
from projections.messages import MessageRow
from projections.read import chats
from projections.read.chats import ChatKey
from projections.search.terms import beginnings_of


async def latest(read: ReadList[ChatsQuery]) -> Listed[models.Chat]:
    """Chats, most recent activity first."""
    found = await read.reader.chats(
        of_type=read.query.type,
        key=ChatKey(*read.key(chats.LATEST)),
        limit=read.fetch,
        terms=beginnings_of(read.query.q or ""),
    )
    await tell_of_portal(read)
    return read.listed(
        found, lambda chat: [chat.row.last_activity_at, chat.row.chat_id], shapes.chat
    )


async def one(read: Read[PortalQuery]) -> One[models.ChatWithHistory]:
    """One chat, and what it showed before."""
    counted = await read.reader.chat(read.ids["chat"])
    if counted is None:
        raise no_such("chat")
    versions = await read.reader.chat_versions(read.ids["chat"])
    await tell_of_chat(read, read.ids["chat"])
    history = [shapes.chat_version(version) for version in versions]
    return read.one(models.ChatWithHistory(**shapes.chat(counted), history=history))


async def timeline(read: ReadList[TimelineQuery]) -> Listed[models.Message]:
    """Messages of a chat, oldest to newest; the next page goes on the way that the walk goes."""
    direction, place = read.key(read.query.anchor() or ("after", -1))
    found, more = await _WALKS[direction](read, place)
    if not found and not await read.reader.chat_exists(read.ids["chat"]):
        raise no_such("chat")
    await tell_of_messages(read, read.ids["chat"], found)
    return read.page(await shown_messages(read, found, read.query.render), more)


_Page = tuple[Sequence[MessageRow], Sequence[Any] | None]
_Timeline = ReadList[TimelineQuery]


async def _after(read: _Timeline, place: int) -> _Page:
    return read.cut(await _newer(read, place, read.fetch), _newest)


async def _before(read: _Timeline, place: int) -> _Page:
    found, more = read.cut(await _older(read, place, read.fetch), _oldest)
    return found[::-1], more


async def _around(read: _Timeline, place: int) -> _Page:
    before = await _older(read, place, read.limit // 2)
    after = await _newer(read, place - 1, read.fetch - len(before))
    return read.cut([*before[::-1], *after], _newest)


_WALKS: Final = {"after": _after, "before": _before, "around": _around}
"""How a page is found, by where it begins. What follows one around a message is after it."""


def _newest(row: MessageRow) -> Sequence[Any]:
    return "after", row.message_id


def _oldest(row: MessageRow) -> Sequence[Any]:
    return "before", row.message_id


async def _newer(read: _Timeline, place: int, limit: int) -> list[MessageRow]:
    return await read.reader.newer(read.ids["chat"], key=place, limit=limit)


async def _older(read: _Timeline, place: int, limit: int) -> list[MessageRow]:
    return await read.reader.older(read.ids["chat"], key=place, limit=limit)


_ONE = "/v1/portals/{portal}/chats/{chat}"
_SCOPES = ("messages:read",)

ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/chats",
        _SCOPES,
        ChatsQuery,
        Listed[models.Chat],
        "Chats, most recent activity first",
        latest,
        narrows=True,
    ),
    Endpoint(
        _ONE,
        _SCOPES,
        PortalQuery,
        One[models.ChatWithHistory],
        "A chat and its history",
        one,
        narrows=True,
    ),
    Endpoint(
        f"{_ONE}/messages",
        _SCOPES,
        TimelineQuery,
        Listed[models.Message],
        "The timeline of a chat, oldest to newest",
        timeline,
        narrows=True,
    ),
)
