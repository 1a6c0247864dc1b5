"""The append-only log: where an event gets its position, and where it is read again."""

import hmac
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from sqlalchemy import bindparam, select, update

from eventstore.database import Place, Row, Session, if_text, in_bytes, one_of, upsert
from eventstore.envelope import comparable
from eventstore.event import Event, Instant, NewEvent, StoredEvent
from eventstore.integrity import commitment, leaf
from eventstore.schema import event, log_head

_SALT: Final = 32

LOCK_HEAD: Final = (
    select(log_head.c.position)
    .where(log_head.c.portal_id == bindparam("portal_id"))
    .with_for_update()  # SQLite ignores this; there, BEGIN IMMEDIATE is the lock
)
_HEADS = select(log_head.c.portal_id, log_head.c.position)
OPEN_HEAD: Final = (
    upsert(log_head)
    .values(portal_id=bindparam("portal_id"), position=bindparam("position"))
    .on_conflict_do_nothing()
)
MOVE_HEAD: Final = (
    update(log_head)
    .where(log_head.c.portal_id == bindparam("portal"))
    .values(position=bindparam("to"))
)
KNOWN: Final = select(event.c.key, event.c.position, event.c.payload).where(
    event.c.portal_id == bindparam("portal_id"), one_of(event.c.key, "keys")
)
_PAGE = (
    select(event)
    .where(event.c.portal_id == bindparam("portal_id"), event.c.position > bindparam("after"))
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)
_NEWEST = (
    select(event.c.position)
    .where(event.c.portal_id == bindparam("portal_id"))
    .order_by(event.c.position.desc())
    .limit(1)
)
_NEWEST_BY = _NEWEST.where(
    event.c.position <= bindparam("upto"), event.c.received_at <= bindparam("by")
)
_AT = select(event).where(
    event.c.portal_id == bindparam("portal_id"), one_of(event.c.position, "positions")
)
# To prove a payload, its text would only be encoded again.
_STORED = [
    in_bytes(if_text(column)) if column is event.c.payload else column for column in event.columns
]
_STORED_PAGE = _PAGE.with_only_columns(*_STORED)
_STORED_AT = _AT.with_only_columns(*_STORED)


_found = event.alias()
_ASTRAY = select(event.c.position).where(
    event.c.portal_id == bindparam("portal_id"),
    event.c.position > bindparam("after"),
    event.c.position <= bindparam("upto"),
    # No join: for one of more than some hundred events, PostgreSQL may rather read the whole log.
    select(_found.c.position)
    .where(_found.c.portal_id == event.c.portal_id, _found.c.key == event.c.key)
    .scalar_subquery()
    .is_distinct_from(event.c.position),
)
_POSITIONS = select(event.c.key, event.c.position).where(
    event.c.portal_id == bindparam("portal_id"), one_of(event.c.key, "keys")
)


class Origin(NamedTuple):
    """What the log must know of a portal: its number, and the key of its HMACs."""

    portal_id: int
    hmac_key: bytes


class Pending(NamedTuple):
    """An event that waits for its position."""

    origin: Origin
    event: NewEvent


class Outcome(NamedTuple):
    """What became of an event.

    `appended`: it is at `position`. `duplicate`: its key was there, with the same content, at
    `position`. `conflict`: its key was there with other content; both are kept, this one at
    `position` under a key of its own.
    """

    outcome: Literal["appended", "duplicate", "conflict"]
    position: int


class Known(NamedTuple):
    """An event that has the key which another one asks for."""

    position: int
    payload: str | None


def known_from(rows: Iterable[Row]) -> dict[str, Known]:
    """Read what KNOWN answers: events by their key."""
    return {key: Known(position, payload) for key, position, payload in rows}


def conflict_key(origin: Origin, key: str, payload: str) -> str:
    """Name an event whose key is taken by other content."""
    return f"{key}~{hmac.digest(origin.hmac_key, comparable(payload), 'sha256').hex()}"


def _same(known: Known, payload: str) -> bool:
    if known.payload is None or known.payload == payload:
        return True
    return comparable(known.payload) == comparable(payload)


def contested_keys(
    origin: Origin, events: Iterable[NewEvent], known: Mapping[str, Known]
) -> list[str]:
    """Return the conflict keys that must be looked up before these events are placed."""
    count = Counter(new.key for new in events)
    return [
        conflict_key(origin, new.key, new.payload)
        for new in events
        if count[new.key] > 1 or (new.key in known and not _same(known[new.key], new.payload))
    ]


def place(
    origin: Origin, head: int, events: Sequence[NewEvent], known: Mapping[str, Known]
) -> tuple[list[Event], list[Outcome]]:
    """Give each event the next position, unless its key is known.

    `known` holds what the log has under the events' keys and their contested keys. Returns the
    rows to write, positions contiguous from `head + 1`, and an outcome for each event.
    """
    taken = dict(known)
    salts = os.urandom(_SALT * len(events))
    rows: list[Event] = []
    outcomes: list[Outcome] = []
    for index, new in enumerate(events):
        placed = new
        outcome: Literal["appended", "conflict"] = "appended"
        first = taken.get(new.key)
        if first is not None and not _same(first, new.payload):
            placed, outcome = (
                new._replace(key=conflict_key(origin, new.key, new.payload)),
                "conflict",
            )
            first = taken.get(placed.key)
        if first is not None:
            outcomes.append(Outcome("duplicate", first.position))
            continue
        head += 1
        salt = salts[index * _SALT : (index + 1) * _SALT]
        rows.append(seal(origin.portal_id, head, placed, salt))
        taken[placed.key] = Known(head, placed.payload)
        outcomes.append(Outcome(outcome, head))
    return rows, outcomes


def seal(portal_id: int, position: int, new: NewEvent, salt: bytes) -> Event:
    """Make the row of an event, with its commitment and its leaf. No salt is used twice."""
    committed = commitment(salt, new.payload.encode())
    return Event(
        portal_id, position, *new, salt, committed, leaf(portal_id, position, new, committed)
    )


async def page(session: Session, portal_id: int, *, after: int, limit: int) -> list[Event]:
    """Return the events behind position `after`, ascending, at most `limit`."""
    rows = await session.rows(_PAGE, portal_id=portal_id, after=after, limit=limit)
    return [Event._make(row) for row in rows]


async def events_at(session: Session, portal_id: int, positions: Sequence[int]) -> list[Event]:
    """Return the events at these positions, ascending; those that do not exist are left out."""
    rows = await session.rows(_AT, portal_id=portal_id, positions=list(positions))
    return sorted((Event._make(row) for row in rows), key=lambda event: event.position)


async def stored_page(
    session: Session, portal_id: int, *, after: int, limit: int
) -> list[StoredEvent]:
    """Return what `page` does, to be proved."""
    rows = await session.rows(_STORED_PAGE, portal_id=portal_id, after=after, limit=limit)
    return [StoredEvent._make(row) for row in rows]


async def stored_at(
    session: Session, portal_id: int, positions: Sequence[int]
) -> list[StoredEvent]:
    """Return what `events_at` does, to be proved."""
    rows = await session.rows(_STORED_AT, portal_id=portal_id, positions=list(positions))
    return sorted((StoredEvent._make(row) for row in rows), key=lambda event: event.position)


async def positions(session: Session, portal_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Return where the events with these keys are; those that do not exist are left out."""
    return dict(await session.rows(_POSITIONS, portal_id=portal_id, keys=list(keys)))


async def astray(session: Session, portal_id: int, *, after: int, upto: int) -> list[int]:
    """Return the positions behind `after`, up to `upto`, of events that their keys do not find."""
    rows = await session.rows(_ASTRAY, portal_id=portal_id, after=after, upto=upto)
    return [position for (position,) in rows]


async def newest(session: Session, portal_id: int) -> int:
    """Return the position of the last event of a portal, 0 if it has none."""
    rows = await session.rows(_NEWEST, portal_id=portal_id)
    return int(rows[0][0]) if rows else 0


async def newest_by(session: Session, portal_id: int, *, upto: int, by: Instant) -> int:
    """Return the position of the last event, at most `upto`, that was received by a time, or 0.

    Since events get their positions as they come, this is where the log ended then.
    """
    rows = await session.rows(_NEWEST_BY, portal_id=portal_id, upto=upto, by=by)
    return int(rows[0][0]) if rows else 0


async def heads(session: Session) -> dict[int, int]:
    """Return the newest position of every portal that has events."""
    return dict(await session.rows(_HEADS))


async def heads_of(place: Place) -> dict[int, int]:
    """Return the same of a log, as it is now. Raises StoreUnavailable when it cannot be read."""
    session = await place.open_reader()
    try:
        return await heads(session)
    finally:
        await session.close()
