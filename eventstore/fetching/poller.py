"""Polls one queue for as long as it may: takes the lease, reads, waits, and tries again."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from eventstore.directory import Portal
from eventstore.errors import EventstoreError, StoreUnavailable, UnknownConnection
from eventstore.fetching.connections import Connection
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.portal_client import PortalError, RateLimited
from eventstore.fetching.queues import LEASE, Lease, LeaseLost, Queues
from eventstore.fetching.reader import BETWEEN, Counts, Reader, method_of

_log = structlog.get_logger()

_SHORTEST: Final = 5.0
_LONGEST: Final = 300.0
"""Seconds until a portal that failed is asked again: at first, and after a while."""

_CONTENDING: Final = 10.0
"""Seconds between two looks at a queue that another poller has."""


@dataclass
class Emptied:
    """What became of a queue that was to be emptied. `busy`: another poller has it."""

    counts: Counts
    busy: bool = False
    error: str | None = None


class Poller:
    """One queue's poller. Of several, in whichever processes, one works: who has the lease."""

    def __init__(self, connection: Connection, portal: Portal, means: Means, stop: Stop) -> None:
        self._connection = connection
        self._portal = portal
        self._means = means
        self._stop = stop
        self._queues = Queues(means.catalog)
        self._lease = Lease(self._queues, connection, means.holder, means.clock)
        self._pace = means.pace(portal.id)
        self._alone = means.alone
        self._failures = 0
        self._emptied = Emptied(Counts())

    async def run(self) -> None:
        """Poll until it is time to stop, or the connection is removed."""
        while not self._stop.asked:
            try:
                if await self._take():
                    await self._poll(lambda _more: False)
                else:
                    await self._stop.rest(self._means.clock, _CONTENDING)
            except UnknownConnection:
                return
            except LeaseLost as error:
                if await self._removed():
                    return
                self._say("the queue is polled elsewhere", str(error))
            except EventstoreError as error:
                self._say("polling waits", str(error))
                await self._stop.rest(self._means.clock, self._backoff())
            except Exception as error:  # noqa: BLE001 - or a queue would be read by nobody
                self._say("a defect of ours while polling", type(error).__name__)
                await self._stop.rest(self._means.clock, self._backoff())

    async def empty(self) -> Emptied:
        """Poll until the queue is empty, or a call fails. Raises what the store raises."""
        while not await self._take():
            if self._lease.contested or self._stop.asked:
                self._emptied.busy = True
                return self._emptied
            await self._stop.rest(self._means.clock, _CONTENDING)
        await self._poll(lambda more: not more)
        return self._emptied

    async def _take(self) -> bool:
        alone, self._alone = self._alone, False
        return await self._lease.take(alone=alone)

    async def _removed(self) -> bool:
        with suppress(StoreUnavailable):
            try:
                await self._queues.one(self._connection)
            except LeaseLost:
                return True
        return False

    async def _poll(self, ends: Callable[[bool], bool]) -> None:
        """Poll while we have the lease. `ends` is told after each answer whether there is more."""
        line = await self._means.open_line(self._connection)
        try:
            if self._means.waits(self._portal):
                raise StoreUnavailable("events of this portal wait in the spool")
            row = await self._queues.one(self._connection)
            reader = Reader(
                self._connection, self._portal, self._means, self._lease, line=line, row=row
            )
            self._emptied.counts = reader.counts
            await reader.compare_with_log()
            await self._read(reader, ends)
            await reader.end()
        finally:
            with suppress(EventstoreError):
                await self._lease.give_back()
            await line.close()

    async def _read(self, reader: Reader, ends: Callable[[bool], bool]) -> None:
        method = method_of(self._connection)
        while not self._stop.asked:
            if (wait := self._pace.ready_in(method)) > BETWEEN:
                await self._rest(wait)
                continue
            await self._lease.keep(tried_at=self._means.clock.now())
            try:
                more = await reader.step()
                self._failures = 0
                pause = reader.pause
            except PortalError as error:
                await reader.failed(error)
                self._emptied.error = str(error)
                more = False
                pause = self._backoff()
                if isinstance(error, RateLimited):
                    pause = max(pause, self._pace.limited(method, error))
            if ends(more):
                return
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """Wait, and give signs of life meanwhile."""
        left = seconds * self._means.random.uniform(1.0, 1.1)
        while left > 0 and not self._stop.asked:
            await self._stop.rest(self._means.clock, min(left, LEASE / 4))
            left -= LEASE / 4
            if left > 0:
                await self._lease.keep()

    def _backoff(self) -> float:
        self._failures += 1
        longest: float = min(_SHORTEST * 2 ** min(self._failures - 1, 10), _LONGEST)
        return longest * self._means.random.uniform(0.5, 1)

    def _say(self, what: str, error: str) -> None:
        slug, receiver = self._portal.slug, self._connection.receiver
        _log.warning(what, portal=slug, receiver=receiver, error=error)
