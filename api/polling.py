"""The pollers of a server: they append by its own door, so that a spool takes over for them too."""

import os
import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventstore.directory import Portal, Snapshot
from eventstore.event import NewEvent
from eventstore.fetching.bitrix24 import Bitrix24
from eventstore.fetching.clock import SystemClock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.means import Line, Means, Stop
from eventstore.fetching.pollers import Pollers
from eventstore.log import Pending
from eventstore.quarantine import Unreadable

if TYPE_CHECKING:
    from api.state import Kept, State


async def poll_forever(state: "State") -> None:
    """Poll the queues of all connections until cancelled."""

    async def snapshot() -> Snapshot:
        return state.snapshot

    await Pollers(_means(state), snapshot).run(Stop())


def _means(state: "State") -> Means:
    clock = SystemClock()
    connections = Connections(state.catalog)

    async def append(portal: Portal, _receiver: str, events: Sequence[NewEvent]) -> int:
        outcomes = await state.append([Pending(portal.origin, event) for event in events])
        return sum(outcome.outcome != "duplicate" for outcome in outcomes)

    async def seal(portal: Portal, body: bytes, found: Unreadable) -> bool:
        kept: Kept = await state.quarantined(portal, body, found)
        return kept.number is not None or kept.waits

    async def open_line(connection: Connection) -> Line:
        return await Bitrix24.open(connection, connections, state.settings.network, clock)

    def waits(portal: Portal) -> bool:
        return state.spooling is not None and state.spooling.spool.holds(portal.id)

    return Means(
        catalog=state.catalog,
        log=state.log,
        append=append,
        seal=seal,
        open_line=open_line,
        clock=clock,
        holder=holder(),
        alone=not state.store.remote,
        waits=waits,
    )


def holder() -> str:
    """Name this process, for people who look for the one that polls."""
    return f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"
