"""From the server's start to its end: what is opened, what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import structlog

from api.access_log import AccessLog
from api.confirm import confirm
from api.exporting import Exporting, export_forever
from api.feeds import Feeds
from api.gathering import Write
from api.paging import Cursors
from api.polling import poll_forever
from api.renewal import renew_forever
from api.settings import Settings
from api.spooling import open_spooling
from api.state import State
from api.verification import verify_forever
from eventstore.appender import Appender
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Snapshot
from eventstore.errors import EventstoreError, NotPermitted, StoreUnavailable, WrongSecretKey
from eventstore.lagging_appender import LaggingAppender
from eventstore.pointers import Pointers
from eventstore.quarantine import Quarantine
from eventstore.store import Store
from projections.errors import ProjectionsError
from projections.export.orders import Orders
from projections.live import Live
from projections.rebuild import sweep

_log = structlog.get_logger()

_READERS: Final = 4
"""Sessions that read the log at the same time."""

_AUDITORS: Final = 2
"""Sessions that read the access log at the same time."""

_LAST: Final = 5.0
"""Seconds that a server that stops waits for its database."""

_SWEEP: Final = 15.0
"""Seconds between two looks for generations that nobody needs any more."""


@asynccontextmanager
async def running(settings: Settings, run_key: str) -> AsyncIterator[State]:
    """Open the store of these settings, and project in the background, until the context ends.

    Raises the errors of the store that cannot be opened. The caller holds the store.
    """
    store = settings.store
    async with AsyncExitStack() as stack:
        try:
            catalog = await Catalog.open(store, create=True)
        except StoreUnavailable as error:
            catalog = _unreached(store, error)
            away: StoreUnavailable | None = error
        else:
            away = None
        stack.push_async_callback(catalog.close)
        # Closed last: only who writes a SQLite file can put its parts together.
        appender = await store.open_appender()
        stack.push_async_callback(appender.close)
        access_appender = await store.open_access_appender()
        stack.push_async_callback(access_appender.close)
        access_entries = Pool(store.access_log, _AUDITORS)
        stack.push_async_callback(access_entries.close)
        log = Pool(store.log, _READERS)
        stack.push_async_callback(log.close)
        live = Live(store, log, project=settings.project)
        stack.push_async_callback(live.close)
        feeds = Feeds()

        def heard() -> None:
            live.wake()
            feeds.appended.ring()

        wakeups = store.open_wakeups(heard)
        stack.push_async_callback(wakeups.close)
        state = State(
            settings=settings,
            store=store,
            catalog=catalog,
            quarantine=Quarantine(catalog),
            fingerprints=catalog.fingerprints,
            cursors=Cursors(catalog.key.derive("cursor")),
            door=appender.append_all,
            live=live,
            wakeups=wakeups,
            feeds=feeds,
            log=log,
            access_log=AccessLog(_written(access_appender, stack, wait=settings.access_wait)),
            access_entries=access_entries,
            exporting=_exporting(settings, catalog),
            heads={},
            run_key=run_key,
            snapshot=Snapshot(0, {}, {}),
        )
        if store.remote:
            spooling = open_spooling(settings, catalog.key, appender.append_all, state)
            state.use(await stack.enter_async_context(spooling))
        await _begin(state, away)
        if state.spooling is not None:
            await _beside(stack, state.spooling.intake.drain_forever())
        await _beside(stack, _keep_fresh(state))
        await _beside(stack, _sweep(state))
        if settings.project:
            await _beside(stack, renew_forever(state))
        if settings.poll:
            await _beside(stack, poll_forever(state))
        await _beside(stack, export_forever(state))
        if settings.verify_every is not None:
            await _beside(stack, verify_forever(state, settings.verify_every))
        yield state
        await _write_down(state)


def _exporting(settings: Settings, catalog: Catalog) -> Exporting:
    """Return the exports that were ordered of this installation, and of no other."""
    return Exporting(Orders(settings.exports_folder, catalog.installation), settings.exports_keep)


def _written(appender: Appender, stack: AsyncExitStack, *, wait: bool) -> Write:
    """Return what writes the access log: at once, or soon after it was told."""
    if wait:
        return appender.append_all
    lagging = LaggingAppender(appender)
    stack.push_async_callback(lagging.close)
    return lagging.append_all


def _unreached(store: Store, away: StoreUnavailable) -> Catalog:
    try:
        return Catalog.unreached(store)
    except WrongSecretKey:  # what is not there yet was never made: nothing is to be put back
        raise away from None


async def _begin(state: State, away: StoreUnavailable | None) -> None:
    """Use the store; while it is away, what the spool remembers of its catalog.

    Raises what `confirm` raises, and StoreUnavailable where nothing is remembered.
    """
    if away is None:
        try:
            await confirm(state)
        except StoreUnavailable as error:
            away = error
        else:
            return
    if isinstance(away, NotPermitted):
        raise away  # to wait for a right would not help
    remembered = await state.spooling.spool.remembered() if state.spooling else None
    if state.spooling is None or remembered is None:
        raise away
    _log.error("the database is away: events go to the spool", error=str(away))
    state.spooling.intake.away = True
    state.snapshot = remembered


async def _write_down(state: State) -> None:
    """Keep what was counted last. Whoever stops a server need not wait for its database."""
    try:
        async with asyncio.timeout(_LAST):
            await state.refresh()
    except (EventstoreError, ProjectionsError, TimeoutError) as error:
        _log.warning("what was counted last is not kept", error=str(error))


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
