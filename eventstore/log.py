"""The append-only log: where an event gets its position, and where it is read again."""

import hmac
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from sqlalchemy import bindparam, select, update

from eventstore.database import (
    Session,
    compiled,
    connect,
    create_statements,
    insertion,
    one_of,
    upsert,
)
from eventstore.envelope import comparable
from eventstore.errors import StoreUnavailable
from eventstore.event import Event, NewEvent
from eventstore.integrity import commitment, leaf
from eventstore.schema import SQLITE_LOG_TRIGGERS, event, log_head, log_metadata

_SALT: Final = 32

_HEAD = select(log_head.c.position).where(log_head.c.portal_id == bindparam("portal_id"))
_HEADS = select(log_head.c.portal_id, log_head.c.position)
_OPEN_HEAD = (
    upsert(log_head)
    .values(portal_id=bindparam("portal_id"), position=bindparam("position"))
    .on_conflict_do_nothing()
)
_MOVE_HEAD = (
    update(log_head)
    .where(log_head.c.portal_id == bindparam("portal"))
    .values(position=bindparam("to"))
)
_KNOWN = select(event.c.key, event.c.position, event.c.payload).where(
    event.c.portal_id == bindparam("portal_id"), one_of(event.c.key, "keys")
)
_PAGE = (
    select(event)
    .where(event.c.portal_id == bindparam("portal_id"), event.c.position > bindparam("after"))
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)
_AT = select(event).where(
    event.c.portal_id == bindparam("portal_id"), one_of(event.c.position, "positions")
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
    committed = commitment(salt, new.payload)
    return Event(
        portal_id, position, *new, salt, committed, leaf(portal_id, position, new, committed)
    )


class SqliteLog:
    """The log file's one writer. Synchronous: it belongs to one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file, create its tables, and make all that it holds durable.

        Raises StoreUnavailable when the file cannot be opened or written.
        """
        # NORMAL would lose acknowledged events at a power loss.
        connection = connect(self.path, journal="WAL", synchronous="FULL")
        # Room for the index of keys, whose pages come in no order; and fewer checkpoints of them.
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        try:
            for statement in (*create_statements(log_metadata), *SQLITE_LOG_TRIGGERS):
                connection.execute(statement)
            # After a failed sync the kernel may hold pages that it will never write. Copying
            # them into the database file writes them anew.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _sync(self.path.with_name(f"{self.path.name}-wal"))
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise StoreUnavailable(f"{self.path}: {error}") from error
        self._connection = connection

    def append(self, batch: Sequence[Pending]) -> list[Outcome]:
        """Append events in one transaction; return an outcome for each, in their order.

        When it returns, all of them are on disk. Raises StoreUnavailable when they are not:
        then none of them is in the log.
        """
        if self._connection is None:
            self.open()
        connection = self._connection
        assert connection is not None  # noqa: S101 - open() has set it, or raised
        try:
            try:
                return _commit(connection, batch, look_up=False)
            except sqlite3.IntegrityError:
                # Some key is there already. That is rare enough not to look for it every time.
                return _commit(connection, batch, look_up=True)
        except sqlite3.Error as error:
            self.close()
            raise StoreUnavailable(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


def _sync(path: Path) -> None:
    # Of a log whose sync failed, the disk may have less than was copied from it. If it came back
    # after a power loss, for nothing says yet that it was emptied, it would overwrite newer pages.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _commit(
    connection: sqlite3.Connection, batch: Sequence[Pending], *, look_up: bool
) -> list[Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcomes = _append(connection, batch, look_up=look_up)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _append(
    connection: sqlite3.Connection, batch: Sequence[Pending], *, look_up: bool
) -> list[Outcome]:
    outcomes: list[Outcome | None] = [None] * len(batch)
    by_portal: dict[Origin, list[int]] = {}
    for index, pending in enumerate(batch):
        by_portal.setdefault(pending.origin, []).append(index)
    for origin, indexes in by_portal.items():
        events = [batch[index].event for index in indexes]
        known = _find(connection, origin, events) if look_up else {}
        placed = _append_to(connection, origin, events, known)
        for index, outcome in zip(indexes, placed, strict=True):
            outcomes[index] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


def _find(
    connection: sqlite3.Connection, origin: Origin, events: Sequence[NewEvent]
) -> dict[str, Known]:
    def stored(keys: list[str]) -> dict[str, Known]:
        values = {"portal_id": origin.portal_id, "keys": keys}
        rows = connection.execute(_KNOWN_SQL.text, _KNOWN_SQL.bind(values))
        return {key: Known(position, payload) for key, position, payload in rows}

    known = stored([new.key for new in events])
    return known | stored(contested_keys(origin, events, known))


def _append_to(
    connection: sqlite3.Connection,
    origin: Origin,
    events: Sequence[NewEvent],
    known: Mapping[str, Known],
) -> list[Outcome]:
    head = _locked_head(connection, origin.portal_id)
    rows, outcomes = place(origin, head, events, known)
    connection.executemany(_INSERT, rows)
    if rows:
        to = {"portal": origin.portal_id, "to": rows[-1].position}
        connection.execute(_MOVE_HEAD_SQL.text, _MOVE_HEAD_SQL.bind(to))
    return outcomes


def _locked_head(connection: sqlite3.Connection, portal_id: int) -> int:
    values = {"portal_id": portal_id, "position": 0}
    row = connection.execute(_HEAD_SQL.text, _HEAD_SQL.bind(values)).fetchone()
    if row is None:
        connection.execute(_OPEN_HEAD_SQL.text, _OPEN_HEAD_SQL.bind(values))
        return 0
    return int(row[0])


_HEAD_SQL = compiled(_HEAD)
_OPEN_HEAD_SQL = compiled(_OPEN_HEAD)
_MOVE_HEAD_SQL = compiled(_MOVE_HEAD)
_KNOWN_SQL = compiled(_KNOWN)
_INSERT = insertion(event)


async def page(session: Session, portal_id: int, *, after: int, limit: int) -> list[Event]:
    """Return the events behind position `after`, ascending, at most `limit`."""
    rows = await session.rows(_PAGE, portal_id=portal_id, after=after, limit=limit)
    return [Event._make(row) for row in rows]


async def events_at(session: Session, portal_id: int, positions: Sequence[int]) -> list[Event]:
    """Return the events at these positions, ascending; those that do not exist are left out."""
    rows = await session.rows(_AT, portal_id=portal_id, positions=list(positions))
    return sorted((Event._make(row) for row in rows), key=lambda event: event.position)


async def positions(session: Session, portal_id: int, keys: Sequence[str]) -> dict[str, int]:
    """Return where the events with these keys are; those that do not exist are left out."""
    return dict(await session.rows(_POSITIONS, portal_id=portal_id, keys=list(keys)))


async def heads(session: Session) -> dict[int, int]:
    """Return the newest position of every portal that has events."""
    return dict(await session.rows(_HEADS))


Commit = Callable[[Sequence[Pending]], list[Outcome]]
