"""How far each queue was read, in the catalog, and the lease of the one poller that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import select, update

from eventstore.catalog import Catalog
from eventstore.errors import EventstoreError
from eventstore.event import Instant
from eventstore.fetching.clock import Clock
from eventstore.fetching.connections import Connection
from eventstore.fetching.queue import RETENTION
from eventstore.schema import queue

LEASE: Final = 120.0
"""Seconds without a sign of life of a poller after which another one takes its queue."""

State = Literal[
    "new",
    "ok",
    "auth_failed",
    "not_subscribed",
    "bot_not_found",
    "rate_limited",
    "unreachable",
    "foreign_reader_suspected",
]


class LeaseLost(EventstoreError):
    """Another poller has the queue, or it was removed."""


@dataclass(frozen=True)
class QueueRow:
    """What is kept of a queue. The fields are the columns, in their order.

    Times called `…_at` are of our clock, the others of the portal's. `newest` is the highest id in
    the log, `acknowledged` the offset that was sent last, `met` when an event that was left in the
    queue was met there again.
    """

    portal_id: int
    number: int
    holder: str | None
    beat: int
    state: State
    state_since_at: Instant | None
    error: str | None
    tried_at: Instant | None
    succeeded_at: Instant | None
    failing_since_at: Instant | None
    fetched: int
    newest: int | None
    newest_date: Instant | None
    acknowledged: int | None
    met: Instant | None
    since: Instant | None
    until: Instant | None
    told_until: Instant | None
    sees: str | None
    hole_from: Instant | None
    hole_cause: str | None

    def seconds_left(self, now: Instant) -> float | None:
        """Return for how long the portal still keeps all that was not fetched; at least 0.

        None before the first answer: then there is nothing to lose that we know of.
        """
        return None if self.until is None else max(self.until + RETENTION - now, 0) / 1_000_000


_ALL: Final = select(queue).order_by(queue.c.portal_id, queue.c.number)


class Queues:
    """The queues of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> dict[tuple[int, int], QueueRow]:
        """Return what is known of every queue, by portal and number."""
        async with self._catalog.reading() as tx:
            rows = [QueueRow(*row) for row in await tx.execute(_ALL)]
        return {(row.portal_id, row.number): row for row in rows}

    async def of(self, portal_id: int) -> dict[int, QueueRow]:
        """Return what is known of the queues of a portal, by number."""
        statement = select(queue).where(queue.c.portal_id == portal_id)
        async with self._catalog.reading() as tx:
            rows = [QueueRow(*row) for row in await tx.execute(statement)]
        return {row.number: row for row in rows}

    async def one(self, connection: Connection) -> QueueRow:
        """Return what is known of one. Raises LeaseLost when it was removed."""
        async with self._catalog.reading() as tx:
            row = (await tx.execute(select(queue).where(_is(connection)))).one_or_none()
        if row is None:
            raise LeaseLost(f"the connection of {connection.receiver} was removed")
        return QueueRow(*row)

    async def take(self, connection: Connection, holder: str, seen: QueueRow) -> bool:
        """Become the poller of a queue, if nobody did since it was seen so."""
        same = queue.c.holder.is_(None) if seen.holder is None else queue.c.holder == seen.holder
        statement = (
            update(queue)
            .where(_is(connection), same, queue.c.beat == seen.beat)
            .values(holder=holder, beat=queue.c.beat + 1)
        )
        async with self._catalog.writing() as tx:
            return bool((await tx.execute(statement)).rowcount)

    async def keep(self, connection: Connection, holder: str, changed: Mapping[str, Any]) -> None:
        """Give a sign of life, and keep what has changed. Raises LeaseLost."""
        statement = (
            update(queue)
            .where(_is(connection), queue.c.holder == holder)
            .values({"beat": queue.c.beat + 1, **changed})
        )
        async with self._catalog.writing() as tx:
            if not (await tx.execute(statement)).rowcount:
                raise LeaseLost(f"another poller has the queue of {connection.receiver}")


class Lease:
    """The right to read a queue. No two clocks are compared: whoever wants it watches the beat."""

    def __init__(self, queues: Queues, connection: Connection, holder: str, clock: Clock) -> None:
        self._queues = queues
        self._connection = connection
        self._clock = clock
        self._seen: QueueRow | None = None
        self._seen_at = 0.0
        self.holder: Final = holder
        self.contested = False
        """Whether its holder has given a sign of life since we first looked."""

    async def take(self, *, alone: bool = False) -> bool:
        """Take the lease if nobody has it, or who had it has been silent for too long.

        Who is `alone` knows that whoever had it is gone. What we could not give back, while the
        database was away, is ours. Raises LeaseLost when there is no queue.
        """
        row = await self._queues.one(self._connection)
        now = self._clock.monotonic()
        if self._seen is None or (self._seen.holder, self._seen.beat) != (row.holder, row.beat):
            self.contested = self._seen is not None and row.holder is not None
            self._seen, self._seen_at = row, now
        others = row.holder not in {None, self.holder}
        if others and not alone and now - self._seen_at < LEASE:
            return False
        return await self._queues.take(self._connection, self.holder, row)

    async def keep(self, **changed: Any) -> None:
        """Keep it, and what has changed. Raises LeaseLost."""
        await self._queues.keep(self._connection, self.holder, changed)

    async def give_back(self) -> None:
        """Let the next one have it at once. Raises LeaseLost."""
        await self._queues.keep(self._connection, self.holder, {"holder": None})


def _is(connection: Connection) -> Any:
    return (queue.c.portal_id == connection.portal_id) & (queue.c.number == connection.number)
