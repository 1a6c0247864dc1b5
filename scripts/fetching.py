"""How a command polls: by the server's door if one runs, else with the store's lock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from api.polling import holder
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.fetching.bitrix24 import Bitrix24
from eventstore.fetching.clock import Clock, SystemClock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.means import Append, Line, Means
from eventstore.lock import ServerAddress
from eventstore.log import Outcome, Pending
from eventstore.quarantine import Quarantine, Unreadable
from scripts.console import Failure
from scripts.delivery import MAX_BYTES, bodies, client_of, send
from scripts.store import OpenStore

_READERS: Final = 2
"""Sessions that read the log at the same time."""


@asynccontextmanager
async def fetching(store: OpenStore, clock: Clock | None = None) -> AsyncIterator[Means]:
    """Give what pollers need. Raises StoreInUse when another command has the lock."""
    clock = clock or SystemClock()
    quarantine, connections = Quarantine(store.catalog), Connections(store.catalog)

    async def seal(portal: Portal, body: bytes, found: Unreadable) -> bool:
        return await quarantine.keep(portal.id, body, found) is not None

    async with AsyncExitStack() as stack:
        append, alone = await _door(store, stack)
        log = Pool(store.place.log, _READERS)
        stack.push_async_callback(log.close)
        yield Means(
            catalog=store.catalog,
            log=log,
            append=append,
            seal=seal,
            open_line=opener(store, connections, clock),
            clock=clock,
            holder=holder(),
            alone=alone,
        )


def opener(
    store: OpenStore, connections: Connections, clock: Clock
) -> Callable[[Connection], Awaitable[Line]]:
    """Return what opens the client of a connection."""

    async def open_line(connection: Connection) -> Line:
        return await Bitrix24.open(connection, connections, store.settings.network, clock)

    return open_line


async def _door(store: OpenStore, stack: AsyncExitStack) -> tuple[Append, bool]:
    """Return the way to the log, and whether whoever polled this store before is gone."""
    if store.place.find_server() is not None:
        through = _ThroughServer(store)
        stack.push_async_callback(through.close)
        return through.append, False
    stack.enter_context(store.place.hold())
    appender = await store.place.open_appender()
    stack.push_async_callback(appender.close)

    async def append(portal: Portal, _receiver: str, events: Sequence[NewEvent]) -> int:
        return _new(await appender.append_all([Pending(portal.origin, event) for event in events]))

    return append, not store.place.remote


@dataclass
class _ThroughServer:
    """Appends through the server that runs: if that was started again, through the new one."""

    store: OpenStore
    _address: ServerAddress | None = None
    _client: httpx.AsyncClient | None = None

    async def append(self, portal: Portal, receiver: str, events: Sequence[NewEvent]) -> int:
        """Append events of one receiver. Raises StoreUnavailable."""
        client = await self._connected()
        most = min(MAX_BYTES, self.store.settings.max_body)
        params = {"receiver": receiver, "source": "fetch"}
        try:
            return _new(await send(client, portal, bodies(events, most), params))
        except Failure as error:
            raise StoreUnavailable(str(error)) from None

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._client is not None:
            await self._client.aclose()

    async def _connected(self) -> httpx.AsyncClient:
        address = self.store.place.find_server()
        if address is None:
            raise StoreUnavailable("the server has ended: start it, or this command again")
        if self._client is None or address != self._address:
            await self.close()
            self._address, self._client = address, client_of(address)
        return self._client


def _new(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.outcome != "duplicate" for outcome in outcomes)
