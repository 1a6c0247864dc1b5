"""Reading what tells of coverage: how queues were watched, and how they saw one chat.

One statement finds all of it. Of the sightings of a chat, which may be many, it looks up those
next to what matters, each by one step in an index.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    literal_column,
    null,
    select,
    union_all,
)

from eventstore.database import Row, Session, planned_once, text, unindexed
from eventstore.event import Instant
from projections.coverage import SETTLED, Evidence, Look, Move, Watched
from projections.profiles import chat
from projections.tables import LOOKS, OF_MEMBERS, SIGHTINGS, fact
from projections.watch import watch

_WATCHED, _MOVED, _LOOKED, _OF_TYPE = range(4)
_ACTIONS: Final = {"member_joined": "joined", "member_left": "left"}
_NO_TIME: Final = cast(null(), BigInteger)
_NO_WORD: Final = cast(null(), text())


def _what(number: int) -> Any:
    return literal_column(str(number), Integer)


_SIGHTING: Final = fact.alias("sighting")
_AT: Final = _SIGHTING.c.occurred_at


def _seen(receiver: ColumnElement[str], *when: ColumnElement[bool]) -> Select[Any]:
    return select(_AT).where(
        _SIGHTING.c.portal_id == bindparam("portal_id"),
        _SIGHTING.c.chat_id == bindparam("chat_id"),
        _SIGHTING.c.witness == receiver,
        _SIGHTING.c.position <= bindparam("view_position"),
        SIGHTINGS,
        *when,
    )


def _before(receiver: ColumnElement[str], moment: Any) -> Any:
    """The last sighting before a moment."""
    return _seen(receiver, moment > _AT).order_by(_AT.desc()).limit(1).scalar_subquery()


def _after(receiver: ColumnElement[str], moment: Any) -> Any:
    """The first sighting at a moment or behind it."""
    return _seen(receiver, moment <= _AT).order_by(_AT).limit(1).scalar_subquery()


def _last(receiver: ColumnElement[str]) -> Any:
    return _seen(receiver).order_by(_AT.desc()).limit(1).scalar_subquery()


_WATCHES: Final = select(
    watch.c.receiver,
    watch.c.since,
    watch.c.until,
    watch.c.sees,
    watch.c.hole_from,
    watch.c.cause,
).where(watch.c.portal_id == bindparam("portal_id"))

_RECEIVERS: Final = (
    select(watch.c.receiver, watch.c.receiver_id)
    .distinct()
    .where(watch.c.portal_id == bindparam("portal_id"))
    .subquery()
)
_OF_CHAT: Final = (
    fact.c.portal_id == bindparam("portal_id"),
    fact.c.chat_id == bindparam("chat_id"),
    unindexed(fact.c.position) <= bindparam("view_position"),
)

_EVIDENCE: Final = planned_once(
    union_all(
        select(
            _what(_WATCHED),
            watch.c.receiver,
            watch.c.since,
            watch.c.until,
            watch.c.hole_from,
            watch.c.sees,
            watch.c.cause,
            _NO_WORD,
            _before(watch.c.receiver, watch.c.since),
            _after(watch.c.receiver, watch.c.since),
            _before(watch.c.receiver, watch.c.hole_from),
            _before(watch.c.receiver, watch.c.until),
            _last(watch.c.receiver),
        ).where(watch.c.portal_id == bindparam("portal_id"), watch.c.until >= bindparam("since")),
        select(
            _what(_MOVED),
            _RECEIVERS.c.receiver,
            fact.c.occurred_at,
            _NO_TIME,
            _NO_TIME,
            fact.c.kind,
            fact.c.code,
            fact.c.witness,
            _before(_RECEIVERS.c.receiver, fact.c.occurred_at),
            _after(_RECEIVERS.c.receiver, fact.c.occurred_at),
            _after(_RECEIVERS.c.receiver, fact.c.occurred_at + (SETTLED + 1)),
            *[_NO_TIME] * 2,
        )
        .join_from(_RECEIVERS, fact, fact.c.user_id == _RECEIVERS.c.receiver_id)
        .where(*_OF_CHAT, OF_MEMBERS),
        select(
            _what(_LOOKED),
            fact.c.witness,
            fact.c.occurred_at,
            _NO_TIME,
            _NO_TIME,
            fact.c.code,
            fact.c.detail,
            _NO_WORD,
            _before(fact.c.witness, fact.c.occurred_at),
            _after(fact.c.witness, fact.c.occurred_at),
            *[_NO_TIME] * 3,
        ).where(*_OF_CHAT, LOOKS),
        select(
            _what(_OF_TYPE),
            _NO_WORD,
            _NO_TIME,
            _NO_TIME,
            _NO_TIME,
            chat.c.type,
            *[_NO_WORD] * 2,
            *[_NO_TIME] * 5,
        ).where(chat.c.portal_id == bindparam("portal_id"), chat.c.chat_id == bindparam("chat_id")),
    )
)


_LAST_BEFORE: Final = (
    _seen(bindparam("receiver"), bindparam("moment") > _AT).order_by(_AT.desc()).limit(1)
)


async def watches(session: Session, portal_id: int) -> list[Watched]:
    """Return how the queues of a portal were watched."""
    return [Watched._make(row) for row in await session.rows(_WATCHES, portal_id=portal_id)]


async def evidence(
    session: Session, portal_id: int, chat_id: int, position: int, *, since: Instant
) -> Evidence:
    """Return all that was told of how a chat was seen since a moment, up to a position.

    But for the watches and the type of the chat: these are as they are now, as are the ends of
    stretches before which a sighting is looked for (`last_before`).
    """
    rows = await session.rows(
        _EVIDENCE, portal_id=portal_id, chat_id=chat_id, view_position=position, since=since
    )
    of: list[list[Row]] = [[], [], [], []]
    for row in rows:
        of[row[0]].append(row[1:])
    return Evidence(
        [
            Watched(receiver, since, until, sees, hole_from, cause)
            for receiver, since, until, hole_from, sees, cause, *_ in of[_WATCHED]
        ],
        [
            Move(receiver, at, _ACTIONS.get(kind, code or ""), witness)
            for receiver, at, _, _, kind, code, witness, *_ in of[_MOVED]
        ],
        [
            Look(receiver, at, access, from_json(detail)["since"] if detail else None)
            for receiver, at, _, _, access, detail, *_ in of[_LOOKED]
        ],
        {*_sightings([*of[_WATCHED], *of[_MOVED], *of[_LOOKED]])},
        private=any(row[4] == "private" for row in of[_OF_TYPE]),
    )


def _sightings(rows: Sequence[Row]) -> Iterable[tuple[str, int]]:
    return ((row[0], moment) for row in rows for moment in row[7:] if moment is not None)


async def last_before(
    session: Session, portal_id: int, chat_id: int, watched: Watched, position: int
) -> list[tuple[str, Instant]]:
    """Return the last sighting of a chat before the end of a stretch, as known at a position."""
    rows = await session.rows(
        _LAST_BEFORE,
        portal_id=portal_id,
        chat_id=chat_id,
        receiver=watched.receiver,
        moment=watched.until,
        view_position=position,
    )
    return [(watched.receiver, at) for (at,) in rows]
