"""The log in a SQLite file: one writer, which belongs to one thread at a time."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from eventstore.database import compiled
from eventstore.database.sqlite import bound, connect, sync
from eventstore.database.statements import insertion
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.log import (
    KNOWN,
    LOCK_HEAD,
    MOVE_HEAD,
    OPEN_HEAD,
    Known,
    Origin,
    Outcome,
    Pending,
    contested_keys,
    known_from,
    place,
)
from eventstore.schema import event

_HEAD_SQL = compiled(LOCK_HEAD)
_OPEN_HEAD_SQL = compiled(OPEN_HEAD)
_MOVE_HEAD_SQL = compiled(MOVE_HEAD)
_KNOWN_SQL = compiled(KNOWN)
_INSERT = insertion(event)


class SqliteLog:
    """The log file's one writer. Synchronous: for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file, and make all that it holds durable.

        Raises StoreUnavailable when the file cannot be opened or written.
        """
        # NORMAL would lose acknowledged events at a power loss.
        connection = connect(self.path, journal="WAL", synchronous="FULL")
        # Room for the index of keys, whose pages come in no order; and fewer checkpoints of them.
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        try:
            # After a failed sync the kernel may hold pages that it will never write. Copying
            # them into the database file writes them anew.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # Of a log whose sync failed, the disk may have less than was copied from it. If it came
            # back after a power loss, for nothing says yet that it was emptied, it would overwrite
            # newer pages.
            sync(self.path.with_name(f"{self.path.name}-wal"))
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
        return known_from(connection.execute(_KNOWN_SQL.text, bound(_KNOWN_SQL, values)))

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
        connection.execute(_MOVE_HEAD_SQL.text, bound(_MOVE_HEAD_SQL, to))
    return outcomes


def _locked_head(connection: sqlite3.Connection, portal_id: int) -> int:
    values = {"portal_id": portal_id, "position": 0}
    row = connection.execute(_HEAD_SQL.text, bound(_HEAD_SQL, values)).fetchone()
    if row is None:
        connection.execute(_OPEN_HEAD_SQL.text, bound(_OPEN_HEAD_SQL, values))
        return 0
    return int(row[0])
