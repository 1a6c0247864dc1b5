"""How much is in the spool: counted from its file, and kept in step with it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from eventstore.errors import StoreUnavailable
from eventstore.event import Instant

_COUNT: Final = (
    "SELECT portal_id, count(*) FILTER (WHERE refused IS NULL), sum(size),"
    " min(received_at) FILTER (WHERE refused IS NULL), count(refused)"
    " FROM spooled GROUP BY portal_id"
)


class Depth(NamedTuple):
    """How much is in the spool, of one portal or of all.

    `events` wait for the log, the oldest since `oldest_at`. `refused` stay because the log does
    not take them. `bytes` are of both.
    """

    events: int = 0
    bytes: int = 0
    oldest_at: Instant | None = None
    refused: int = 0

    def with_one_more(self, size: int, received_at: Instant) -> "Depth":
        """Return what it is when one more event waits."""
        oldest = received_at if self.oldest_at is None else self.oldest_at
        return Depth(self.events + 1, self.bytes + size, oldest, self.refused)


def in_all(depths: Iterable[Depth]) -> Depth:
    """Add the depths of portals."""
    depths = list(depths)
    return Depth(
        sum(depth.events for depth in depths),
        sum(depth.bytes for depth in depths),
        min((depth.oldest_at for depth in depths if depth.oldest_at is not None), default=None),
        sum(depth.refused for depth in depths),
    )


def count(connection: sqlite3.Connection) -> dict[int, Depth]:
    """Return the depth of every portal that has something in the spool."""
    return {portal_id: Depth(*depth) for portal_id, *depth in connection.execute(_COUNT)}


def look_into(path: Path) -> dict[int, Depth]:
    """Return the depth of every portal in the file of a server that may be running.

    Raises StoreUnavailable when the file cannot be read.
    """
    if not path.exists():
        return {}
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            return count(connection)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from error
