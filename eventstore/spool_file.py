"""The spool's file: events that wait for the log, in the order in which they came."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple

from eventstore.errors import SpoolFull, StoreUnavailable, WrongSecretKey
from eventstore.event import Instant, NewEvent
from eventstore.log import Origin, Pending
from eventstore.secret_key import SecretKey
from eventstore.spool_depth import Depth, count

_HEADER: Final = 256
"""About what an event takes beside its payload."""

_SLACK: Final = 2**20
"""Free bytes that the file keeps when nothing waits in it."""

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL would lose acknowledged events at a power loss
    "secure_delete=ON",  # what has gone to the log leaves no text behind
    "temp_store=MEMORY",
)

# Of `spooled`, the payload stands last: what is only counted is not read past.
_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS installation (
        id INTEGER PRIMARY KEY CHECK (id = 1), key_check TEXT NOT NULL, catalog BLOB)
    """,
    """
    CREATE TABLE IF NOT EXISTS spooled (
        id INTEGER PRIMARY KEY AUTOINCREMENT, portal_id INTEGER NOT NULL, owner BLOB NOT NULL,
        size INTEGER NOT NULL, refused TEXT, key TEXT NOT NULL, source TEXT NOT NULL,
        receiver TEXT NOT NULL, sequence INTEGER, event_type TEXT NOT NULL,
        received_at INTEGER NOT NULL, sent_at INTEGER, payload TEXT NOT NULL)
    """,
    "CREATE INDEX IF NOT EXISTS waiting ON spooled (portal_id, id) WHERE refused IS NULL",
)
_OLDEST: Final = (
    "SELECT received_at FROM spooled WHERE portal_id = ? AND refused IS NULL ORDER BY id LIMIT 1"
)
_EVENT: Final = ", ".join(NewEvent._fields)
_INSERT: Final = (
    f"INSERT INTO spooled (portal_id, owner, size, {_EVENT})"  # noqa: S608 - our names
    f" VALUES (?, ?, ?, {', '.join('?' * len(NewEvent._fields))})"
)
_PAGE: Final = (
    f"SELECT id, owner, size, {_EVENT} FROM spooled"  # noqa: S608 - our names
    " WHERE portal_id = ? AND refused IS NULL ORDER BY id LIMIT ?"
)


class Spooling(NamedTuple):
    """An event in the spool. Its owner is the portal that it came to, whatever its number."""

    id: int
    owner: bytes
    size: int
    event: NewEvent


class SpoolFile:
    """One SQLite file. Synchronous, and for any thread: one at a time uses it."""

    def __init__(self, path: Path, key: SecretKey, limit: int) -> None:
        self.path = path
        self._key = key
        self._limit = limit
        self._connection: sqlite3.Connection | None = None
        self._lock = RLock()
        self.depths: Mapping[int, Depth] = {}
        """By portal. Replaced, never changed, so that it is read without the lock."""

    def open(self) -> None:
        """Open the file, creating it if need be, and find what waits in it.

        What was refused waits again: this may be the version that knows better. Raises
        StoreUnavailable when the file cannot be opened, and WrongSecretKey when it is of another
        installation.
        """
        try:
            # The files that SQLite puts beside it get the same mode.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            os.fchmod(descriptor, 0o600)
            os.close(descriptor)
        except OSError as error:
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error
        with self._lock:
            with self._transaction() as connection:
                connection.execute("UPDATE spooled SET refused = NULL WHERE refused IS NOT NULL")
                self.depths = count(connection)
            self._shrink()

    def owner(self, origin: Origin) -> bytes:
        """Return what stands for a portal beside its events: its number may once be another's."""
        return self._key.digest("owner of spooled events", origin.hmac_key.hex())

    def write(self, batch: Sequence[Pending]) -> None:
        """Keep events, all or none. When this returns, they are on disk.

        Raises SpoolFull when they are not.
        """
        rows = [
            (
                pending.origin.portal_id,
                self.owner(pending.origin),
                len(pending.event.payload.encode()) + _HEADER,
                *pending.event,
            )
            for pending in batch
        ]
        with self._lock:
            try:
                with self._transaction() as connection:
                    self._check_room(connection, sum(size for _, _, size, *_ in rows))
                    connection.executemany(_INSERT, rows)
            except StoreUnavailable as error:
                raise SpoolFull(str(error)) from error
            depths = dict(self.depths)
            for pending, (portal_id, _, size, *_) in zip(batch, rows, strict=True):
                depth = depths.get(portal_id, Depth())
                depths[portal_id] = depth.with_one_more(size, pending.event.received_at)
            self.depths = depths

    def page(self, portal_id: int, *, limit: int, size: int) -> list[Spooling]:
        """Return what has waited longest of a portal: at most `limit` events of `size` bytes.

        One that is larger comes alone. Raises StoreUnavailable when the file does not give it.
        """
        page: list[Spooling] = []
        with self._transaction() as connection:
            for number, owner, taken, *event in connection.execute(_PAGE, (portal_id, limit)):
                size -= taken
                if page and size < 0:
                    break
                page.append(Spooling(number, owner, taken, NewEvent._make(event)))
            if not page:  # somebody took events out by hand
                self.depths = count(connection)
        return page

    def remove(self, portal_id: int, rows: Sequence[Spooling]) -> None:
        """Forget events of a portal that waited: the log has them.

        Raises StoreUnavailable when that cannot be, so that they may come to the log again.
        """
        with self._lock:
            with self._transaction() as connection:
                numbers = [(row.id,) for row in rows]
                connection.executemany("DELETE FROM spooled WHERE id = ?", numbers)
                oldest_at = _oldest(connection, portal_id)
            depth, size = self.depths[portal_id], sum(row.size for row in rows)
            left = Depth(depth.events - len(rows), depth.bytes - size, oldest_at, depth.refused)
            depths = {**self.depths, portal_id: left}
            self.depths = {number: depth for number, depth in depths.items() if any(depth)}
            self._shrink()

    def refuse(self, portal_id: int, row: Spooling, reason: str) -> None:
        """Let an event wait no longer, and keep it. Raises StoreUnavailable."""
        with self._lock:
            with self._transaction() as connection:
                mark = "UPDATE spooled SET refused = ? WHERE id = ?"
                connection.execute(mark, (reason, row.id))
                oldest_at = _oldest(connection, portal_id)
            depth = self.depths[portal_id]
            left = Depth(depth.events - 1, depth.bytes, oldest_at, depth.refused + 1)
            self.depths = {**self.depths, portal_id: left}

    def remember(self, sealed: bytes) -> None:
        """Keep the copy of the catalog instead of the one before. Raises StoreUnavailable."""
        with self._transaction() as connection:
            connection.execute("UPDATE installation SET catalog = ?", (sealed,))

    def remembered(self) -> bytes | None:
        """Return the copy of the catalog, if there is one. Raises StoreUnavailable."""
        with self._transaction() as connection:
            (sealed,) = connection.execute("SELECT catalog FROM installation").fetchone()
        return bytes(sealed) if sealed is not None else None

    def close(self) -> None:
        """Close the file; whatever is asked next opens it again."""
        with self._lock:
            if self._connection is not None:
                connection, self._connection = self._connection, None
                connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connection or self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                # A failed sync must not be tried again on the same descriptor.
                self.close()
                raise StoreUnavailable(f"{self.path}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=1, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").fetchall()  # or an error goes unseen
            for table in _TABLES:
                connection.execute(table)
            self._check_key(connection)
            # After a failed sync the kernel may hold pages that it will never write. Copying
            # them into the database file writes them anew.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.depths = count(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _check_key(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO installation VALUES (1, ?, NULL) ON CONFLICT DO NOTHING",
            (self._key.check_value,),
        )
        (check,) = connection.execute("SELECT key_check FROM installation").fetchone()
        if check != self._key.check_value:
            raise WrongSecretKey(
                f"{self.path} was made with another secret key: put that one back, or give this"
                " server a spool of its own (CHRONICLE_SPOOL)"
            )

    def _check_room(self, connection: sqlite3.Connection, size: int) -> None:
        used = _bytes(connection, "page_count") - _bytes(connection, "freelist_count")
        if used + size > self._limit:
            raise SpoolFull(
                f"{self.path} holds {used} bytes and may hold {self._limit} (CHRONICLE_SPOOL_MAX)"
            )

    def _shrink(self) -> None:
        """Give the disk back what a long wait took, when nothing waits any more."""
        connection = self._connection
        if connection is None or any(depth.events for depth in self.depths.values()):
            return
        try:
            if _bytes(connection, "freelist_count") > _SLACK:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            self.close()  # nothing is lost by that, and the next time may do


def _oldest(connection: sqlite3.Connection, portal_id: int) -> Instant | None:
    row = connection.execute(_OLDEST, (portal_id,)).fetchone()
    return None if row is None else int(row[0])


def _bytes(connection: sqlite3.Connection, pages: str) -> int:
    (count,) = connection.execute(f"PRAGMA {pages}").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(count) * int(size)
