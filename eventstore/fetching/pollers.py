"""All queues at once: a poller for every connection, for as long as it is registered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import structlog

from eventstore.directory import Portal, Snapshot
from eventstore.errors import EventstoreError
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.poller import Poller

_log = structlog.get_logger()

_LOOKING: Final = 2.0
"""Seconds between two looks for connections that were added or removed."""

_GRACE: Final = 10.0
"""Seconds that pollers get to end what they do."""


class _Polling(NamedTuple):
    task: asyncio.Task[None]
    stop: Stop


class Pollers:
    """The pollers of one process, for one portal or for all.

    `snapshot` gives the catalog as it is; its revision moves when a connection comes or goes.
    """

    def __init__(
        self, means: Means, snapshot: Callable[[], Awaitable[Snapshot]], slug: str | None = None
    ) -> None:
        self._means = means
        self._snapshot = snapshot
        self._slug = slug
        self._polling: dict[Connection, _Polling] = {}
        self._revision: int | None = None
        self._away = False

    async def run(self, stop: Stop) -> None:
        """Poll until it is time to stop, or until cancelled; end what is under way."""
        try:
            while not stop.asked:
                await self._try_to_look()
                await stop.rest(self._means.clock, _LOOKING)
        finally:
            await self._end(list(self._polling))

    async def _try_to_look(self) -> None:
        try:
            await self._look()
        except EventstoreError as error:
            if not self._away:
                _log.warning("what is to be polled cannot be read", error=str(error))
            self._away = True
        else:
            self._away = False

    async def _look(self) -> None:
        snapshot = await self._snapshot()
        if snapshot.revision == self._revision:
            return
        wanted = await connections_of(self._means, snapshot, self._slug)
        await self._end([each for each in self._polling if each not in wanted])
        for connection, portal in wanted.items():
            if connection not in self._polling:
                stop = Stop()
                task = asyncio.create_task(
                    Poller(connection, portal, self._means, stop).run(),
                    name=f"poller of {portal.slug} {connection.receiver}",
                )
                self._polling[connection] = _Polling(task, stop)
        self._revision = snapshot.revision

    async def _end(self, connections: Iterable[Connection]) -> None:
        ending = [self._polling.pop(connection) for connection in connections]
        for polling in ending:
            polling.stop.ask()
        if not ending:
            return
        tasks = [polling.task for polling in ending]
        _, late = await asyncio.wait(tasks, timeout=_GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connections_of(
    means: Means, snapshot: Snapshot, slug: str | None
) -> dict[Connection, Portal]:
    """Return the connections of one portal, or of all, each with its portal."""
    connections = Connections(means.catalog)
    return {
        connection: portal
        for portal in snapshot.portals.values()
        if slug in (None, portal.slug)
        for connection in await connections.of(portal.id)
    }
