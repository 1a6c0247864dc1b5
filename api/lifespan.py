"""From the server's start to its end: what is opened, what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import structlog

from api.paging import Cursors
from api.settings import Settings
from api.state import State
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.errors import EventstoreError
from eventstore.log import heads
from eventstore.pointers import Pointers
from eventstore.quarantine import Quarantine
from projections.errors import ProjectionsError
from projections.generations import check_not_behind
from projections.live import Live
from projections.rebuild import sweep

_log = structlog.get_logger()

_READERS: Final = 4
"""Sessions that read the log at the same time."""

_SWEEP: Final = 15.0
"""Seconds between two looks for generations that nobody needs any more."""


@asynccontextmanager
async def running(settings: Settings, run_key: str) -> AsyncIterator[State]:
    """Open the store of these settings, and project in the background, until the context ends.

    Raises the errors of the store that cannot be opened. The caller holds the store.
    """
    store = settings.store
    async with AsyncExitStack() as stack:
        catalog = await Catalog.open(store, create=True)
        stack.push_async_callback(catalog.close)
        snapshot = await catalog.snapshot()
        await check_not_behind(store, set(snapshot.pointers.values()))
        # Closed last: only who writes a SQLite file can put its parts together.
        appender = await store.open_appender()
        stack.push_async_callback(appender.close)
        log = Pool(store.log, _READERS)
        stack.push_async_callback(log.close)
        live = Live(store, log, project=settings.project)
        stack.push_async_callback(live.close)
        wakeups = store.open_wakeups(live.wake)
        stack.push_async_callback(wakeups.close)
        await live.follow(snapshot.pointers)
        async with log.reading() as session:
            newest = await heads(session)
        state = State(
            settings=settings,
            store=store,
            catalog=catalog,
            quarantine=Quarantine(catalog),
            fingerprints=catalog.fingerprints,
            cursors=Cursors(catalog.key.derive("cursor")),
            appender=appender,
            live=live,
            wakeups=wakeups,
            log=log,
            heads=newest,
            run_key=run_key,
            snapshot=snapshot,
        )
        await _beside(stack, _keep_fresh(state))
        await _beside(stack, _sweep(state))
        yield state
        await state.refresh()


async def _beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)


async def _sweep(state: State) -> None:
    pointers = Pointers(state.catalog)
    while True:
        await asyncio.sleep(_SWEEP)
        try:
            await sweep(state.store, pointers)
        except EventstoreError as error:
            _log.error("old generations cannot be removed", error=str(error))


async def _keep_fresh(state: State) -> None:
    while True:
        await asyncio.sleep(state.refresh_seconds)
        try:
            await state.refresh()
        except (EventstoreError, ProjectionsError) as error:
            _log.error("what changed in the store cannot be read", error=str(error))
