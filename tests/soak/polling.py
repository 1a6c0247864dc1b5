"""The process that polls: Chronicle's own pollers, at the end of a pipe, until they are killed."""

import asyncio
import logging
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Final

import structlog

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.event import NewEvent
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.poller import Poller
from eventstore.folder import Folder
from eventstore.log import Pending
from eventstore.quarantine import Unreadable
from tests.portal.waiting import PortalTime
from tests.soak.afar import Afar, AfarClient

SLUG: Final = "week"
_CALM: Final = 0.0003
"""Seconds of ours in which neither poller begins to wait, before time passes for both."""


def poll(pipe: Pipe, store: Path, now: float) -> None:
    """Poll every connection of the store, for ever: nothing but a kill ends it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(_poll(Afar(pipe, now), Folder(store)))


async def _poll(afar: Afar, store: Folder) -> None:
    catalog = await Catalog.open(store)
    appender = await store.open_appender()
    portal = (await catalog.snapshot()).portal(SLUG)

    async def append(to: Portal, _receiver: str, events: Sequence[NewEvent]) -> int:
        batch = [Pending(to.origin, event) for event in events]
        return sum(done.outcome == "appended" for done in await appender.append_all(batch))

    async def seal(_portal: Portal, _body: bytes, found: Unreadable) -> bool:
        raise AssertionError(found)

    async def open_line(connection: Connection) -> AfarClient:
        return AfarClient(afar, connection.receiver)

    means = Means(
        catalog=catalog,
        log=Pool(store.log, 2),
        append=append,
        seal=seal,
        open_line=open_line,
        clock=PortalTime(afar, afar.live, calm=_CALM),
        holder=f"process {os.getpid()}",
        alone=True,
    )
    async with asyncio.TaskGroup() as tasks:
        for connection in await Connections(catalog).of(portal.id):
            tasks.create_task(Poller(connection, portal, means, Stop()).run())
