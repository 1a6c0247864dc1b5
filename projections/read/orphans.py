"""Reading orphans: what tells of messages that nobody told of."""

from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Subquery,
    bindparam,
    exists,
    literal_column,
    select,
    union_all,
)

from eventstore.database import Session
from projections.messages import message
from projections.orphans import orphan

MOST: Final = 1_000
"""Orphans of each kind that are counted."""

_LOOKED: Final = 2_000
"""Replies that are looked at, the newest: one by one, for nothing tells which are orphans."""


class Orphans(NamedTuple):
    """Ids of messages, the newest first, each up to `MOST` and one more where there are more.

    `messages` were never seen as they were created; `replies` are to messages that are unknown,
    of the newest 2,000 replies.
    """

    messages: list[int]
    replies: list[int]


def _newest(subject: str, most: int, *where: ColumnElement[bool]) -> Subquery:
    return (
        select(orphan.c.portal_id, orphan.c.message_id, orphan.c.missing)
        .where(orphan.c.portal_id == bindparam("portal_id"), orphan.c.subject == subject, *where)
        .order_by(orphan.c.message_id.desc())
        .limit(most)
        .subquery()
    )


def _orphans(*where: ColumnElement[bool]) -> Any:
    created = _newest("creation", MOST + 1, *where)
    replies = _newest("reply", _LOOKED, *where)
    known = exists().where(
        message.c.portal_id == bindparam("portal_id"), message.c.message_id == replies.c.missing
    )
    unknown = (
        select(replies.c.message_id)
        .where(~known)
        .order_by(replies.c.message_id.desc())
        .limit(MOST + 1)
        .subquery()
    )
    return union_all(
        select(literal_column("0", Integer), created.c.message_id),
        select(literal_column("1", Integer), unknown.c.message_id),
    )


_OF_PORTAL: Final = _orphans()
_OF_CHAT: Final = _orphans(orphan.c.chat_id == bindparam("chat_id"))


async def orphans(session: Session, portal_id: int, chat_id: int | None) -> Orphans:
    """Return the orphans of a chat, or of the whole portal."""
    if chat_id is None:
        rows = await session.rows(_OF_PORTAL, portal_id=portal_id)
    else:
        rows = await session.rows(_OF_CHAT, portal_id=portal_id, chat_id=chat_id)
    found: tuple[list[int], list[int]] = ([], [])
    for what, message_id in rows:
        found[what].append(message_id)
    return Orphans(*(sorted(ids, reverse=True) for ids in found))
