"""Reading orphans: what tells of messages that nobody told of."""

from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
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

_PORTAL: Final = orphan.c.portal_id == bindparam("portal_id")
_KNOWN: Final = exists().where(
    message.c.portal_id == orphan.c.portal_id, message.c.message_id == orphan.c.missing
)


class Orphans(NamedTuple):
    """Ids of messages, the newest first, each up to `MOST` and one more where there are more.

    `messages` were never seen as they were created; `replies` are to messages that are unknown.
    """

    messages: list[int]
    replies: list[int]


def _newest(number: int, subject: str, *where: ColumnElement[bool]) -> Select[Any]:
    found = (
        select(literal_column(str(number), Integer).label("what"), orphan.c.message_id)
        .where(_PORTAL, orphan.c.subject == subject, *where)
        .order_by(orphan.c.message_id.desc())
        .limit(MOST + 1)
        .subquery()
    )
    return select(found.c.what, found.c.message_id)


def _orphans(*where: ColumnElement[bool]) -> Any:
    return union_all(_newest(0, "creation", *where), _newest(1, "reply", ~_KNOWN, *where))


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
