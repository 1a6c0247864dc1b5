"""Reading chats: the most recently active first, one of them, and what it showed when."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, func, select, tuple_

from eventstore.database import Row, Session
from projections.messages import message
from projections.profiles import ChatRow, ChatVersionRow, chat, chat_version

_MESSAGES: Final = (
    select(func.count())
    .where(message.c.portal_id == chat.c.portal_id, message.c.chat_id == chat.c.chat_id)
    .scalar_subquery()
)
_PORTAL: Final = chat.c.portal_id == bindparam("portal_id")
_PLACE: Final = tuple_(chat.c.last_activity_at, chat.c.chat_id)
_BEHIND: Final = _PLACE < tuple_(bindparam("last_activity_at"), bindparam("chat_id"))  # noqa: SIM300 - the rule takes every constant for a literal
_LATEST: Final[Select[Any]] = (
    select(chat, _MESSAGES)
    .where(_PORTAL, _BEHIND)
    .order_by(chat.c.last_activity_at.desc(), chat.c.chat_id.desc())
    .limit(bindparam("limit"))
)
_LATEST_OF_TYPE: Final = _LATEST.where(chat.c.type == bindparam("type"))
_ONE: Final = select(chat, _MESSAGES).where(_PORTAL, chat.c.chat_id == bindparam("chat_id"))
_EXISTS: Final = select(chat.c.chat_id).where(_PORTAL, chat.c.chat_id == bindparam("chat_id"))
_VERSIONS: Final = (
    select(chat_version)
    .where(
        chat_version.c.portal_id == bindparam("portal_id"),
        chat_version.c.chat_id == bindparam("chat_id"),
    )
    .order_by(chat_version.c.version)
)


class ChatKey(NamedTuple):
    """The place of a chat among those of its portal, latest activity first."""

    last_activity_at: int
    chat_id: int


LATEST: Final = ChatKey(2**63 - 1, 2**63 - 1)
"""Before every chat."""


class CountedChat(NamedTuple):
    """A chat, and how many messages are known of it."""

    row: ChatRow
    messages: int


async def latest(
    session: Session, portal_id: int, *, of_type: str | None, key: ChatKey, limit: int
) -> list[CountedChat]:
    """Return chats behind `key`, most recent activity first, of one type if asked."""
    if of_type is None:
        rows = await session.rows(_LATEST, portal_id=portal_id, limit=limit, **key._asdict())
    else:
        rows = await session.rows(
            _LATEST_OF_TYPE, portal_id=portal_id, limit=limit, type=of_type, **key._asdict()
        )
    return [_counted(row) for row in rows]


async def one(session: Session, portal_id: int, chat_id: int) -> CountedChat | None:
    """Return a chat, if it was ever seen."""
    rows = await session.rows(_ONE, portal_id=portal_id, chat_id=chat_id)
    return _counted(rows[0]) if rows else None


async def exists(session: Session, portal_id: int, chat_id: int) -> bool:
    """Say whether a chat was ever seen."""
    return bool(await session.rows(_EXISTS, portal_id=portal_id, chat_id=chat_id))


async def versions(session: Session, portal_id: int, chat_id: int) -> list[ChatVersionRow]:
    """Return what a chat showed, oldest first."""
    rows = await session.rows(_VERSIONS, portal_id=portal_id, chat_id=chat_id)
    return [ChatVersionRow._make(row) for row in rows]


def _counted(row: Row) -> CountedChat:
    return CountedChat(ChatRow._make(row[:-1]), row[-1])
