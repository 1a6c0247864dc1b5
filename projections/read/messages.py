"""Reading messages: one, a chat's timeline, across chats, and what others quote of them."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, func, literal, select

from eventstore.database import Session, one_of, planned_once
from projections.messages import MessageRow, VersionRow, message, message_version
from projections.read.filters import conditions

_PORTAL: Final = message.c.portal_id == bindparam("portal_id")
_KNOWN_THEN: Final = message.c.first_position <= bindparam("began_at")

_ONE: Final = planned_once(
    select(message).where(_PORTAL, message.c.message_id == bindparam("message_id"))
)
_TIMELINE: Final = planned_once(
    select(message)
    .where(_PORTAL, message.c.chat_id == bindparam("chat_id"), _KNOWN_THEN)
    .limit(bindparam("limit"))
)
_NEWER: Final = _TIMELINE.where(message.c.message_id > bindparam("key")).order_by(
    message.c.message_id
)
_OLDER: Final = _TIMELINE.where(message.c.message_id < bindparam("key")).order_by(
    message.c.message_id.desc()
)
_VERSIONS: Final = planned_once(
    select(message_version)
    .where(
        message_version.c.portal_id == bindparam("portal_id"),
        message_version.c.message_id == bindparam("message_id"),
        message_version.c.from_position <= bindparam("began_at"),
    )
    .order_by(message_version.c.version)
    .limit(bindparam("limit"))
    .offset(bindparam("skip"))
)
_STATES: Final = planned_once(
    select(message.c.message_id, message.c.state, message.c.text).where(
        _PORTAL, one_of(message.c.message_id, "message_ids")
    )
)


class Quoted(NamedTuple):
    """What a message that another one quotes is now."""

    state: str
    text: str | None


async def one(session: Session, portal_id: int, message_id: int) -> MessageRow | None:
    """Return a message, if anything is known of it."""
    rows = await session.rows(_ONE, portal_id=portal_id, message_id=message_id)
    return MessageRow._make(rows[0]) if rows else None


async def newer(  # noqa: PLR0913 - a place in a timeline
    session: Session, portal_id: int, chat_id: int, *, key: int, began_at: int, limit: int
) -> list[MessageRow]:
    """Return messages of a chat whose ids are above `key`, ascending."""
    rows = await session.rows(
        _NEWER, portal_id=portal_id, chat_id=chat_id, key=key, began_at=began_at, limit=limit
    )
    return [MessageRow._make(row) for row in rows]


async def older(  # noqa: PLR0913 - a place in a timeline
    session: Session, portal_id: int, chat_id: int, *, key: int, began_at: int, limit: int
) -> list[MessageRow]:
    """Return messages of a chat whose ids are below `key`, descending."""
    rows = await session.rows(
        _OLDER, portal_id=portal_id, chat_id=chat_id, key=key, began_at=began_at, limit=limit
    )
    return [MessageRow._make(row) for row in rows]


async def among(  # noqa: PLR0913 - a place among messages
    session: Session,
    portal_id: int,
    filters: Mapping[str, Any],
    *,
    key: int,
    limit: int,
    descending: bool = False,
) -> list[MessageRow]:
    """Return messages of a portal whose ids are above `key`, ascending; or below it, descending.

    `filters` are those of `projections.read.filters`. `from` and `to` are a half-open window of
    the creation: a message whose creation nobody witnessed lies in none.
    """
    statement = _among(frozenset(filters), descending=descending)
    rows = await session.rows(statement, portal_id=portal_id, key=key, limit=limit, **filters)
    return [MessageRow._make(row) for row in rows]


async def count(session: Session, portal_id: int, filters: Mapping[str, Any], *, most: int) -> int:
    """Count the messages of a portal that the filters keep, up to `most`."""
    statement = _counted(frozenset(filters))
    ((found,),) = await session.rows(statement, portal_id=portal_id, limit=most, **filters)
    return int(found)


@lru_cache(maxsize=256)
def _among(names: frozenset[str], *, descending: bool) -> Select[Any]:
    # A statement for each set of filters: one for all would use no index.
    place = message.c.message_id
    return (
        select(message)
        .where(
            _PORTAL,
            place < bindparam("key") if descending else place > bindparam("key"),
            *conditions(names),
        )
        .order_by(place.desc() if descending else place)
        .limit(bindparam("limit"))
    )


@lru_cache(maxsize=256)
def _counted(names: frozenset[str]) -> Select[Any]:
    kept = select(literal(1)).select_from(message).where(_PORTAL, *conditions(names))
    return select(func.count()).select_from(kept.limit(bindparam("limit")).subquery())


async def versions(  # noqa: PLR0913 - a place in a chain of versions
    session: Session, portal_id: int, message_id: int, *, began_at: int, skip: int, limit: int
) -> list[VersionRow]:
    """Return the versions of a message that were told of by `began_at`, oldest first.

    A late report may number them anew, so what `skip` counts is rows, not numbers.
    """
    rows = await session.rows(
        _VERSIONS,
        portal_id=portal_id,
        message_id=message_id,
        began_at=began_at,
        skip=skip,
        limit=limit,
    )
    return [VersionRow._make(row) for row in rows]


async def quoted(
    session: Session, portal_id: int, message_ids: Collection[int]
) -> dict[int, Quoted]:
    """Return what these messages are now; those that nothing is known of are left out."""
    rows = await session.rows(_STATES, portal_id=portal_id, message_ids=sorted(message_ids))
    return {message_id: Quoted(state, text) for message_id, state, text in rows}
