"""From the server's start to its end: what is opened, what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import structlog

from api.paging import Cursors
from api.settings import Settings
from api.state import State
from eventstore.appender import Appender
from eventstore.database import Pool
from eventstore.errors import EventstoreError
from eventstore.folder import Folder
from eventstore.log import SqliteLog, heads
from eventstore.quarantine import Quarantine
from projections.generations import check_not_behind, open_generation
from projections.projector import Projector

_log = structlog.get_logger()

_READERS: Final = 4
"""Sessions that read one file at the same time."""


@asynccontextmanager
async def running(settings: Settings, run_key: str) -> AsyncIterator[State]:
    """Open the store of these settings, and project in the background, until the context ends.

    Raises the errors of the store that cannot be opened. The caller holds the store's lock.
    """
    folder = Folder(settings.data, settings.secret_key_file)
    async with AsyncExitStack() as stack:
        catalog = await folder.open_catalog()
        stack.push_async_callback(catalog.close)
        snapshot = await catalog.snapshot()
        await check_not_behind(folder, await catalog.generation())
        writer = SqliteLog(folder.log)
        writer.open()
        stack.callback(writer.close)
        generation = await open_generation(folder.generation(await catalog.generation()))
        stack.push_async_callback(generation.close)
        log, read_models = Pool(folder.log, _READERS), Pool(generation.path, _READERS)
        stack.push_async_callback(log.close)
        stack.push_async_callback(read_models.close)
        appender = Appender(writer.append)
        stack.push_async_callback(appender.close)
        async with log.reading() as session:
            newest = await heads(session)
        state = State(
            settings=settings,
            folder=folder,
            catalog=catalog,
            quarantine=Quarantine(catalog),
            fingerprints=catalog.fingerprints,
            cursors=Cursors(catalog.key.derive("cursor")),
            appender=appender,
            projector=Projector(log, generation, lambda: state.portal_ids),
            log=log,
            read_models=read_models,
            heads=newest,
            run_key=run_key,
            snapshot=snapshot,
        )
        await _beside(stack, _keep_fresh(state))
        if settings.project:
            await _beside(stack, state.projector.run())
        yield state
        await state.refresh()


async def _beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)


async def _keep_fresh(state: State) -> None:
    while True:
        await asyncio.sleep(state.refresh_seconds)
        try:
            await state.refresh()
        except EventstoreError as error:
            _log.error("the catalog cannot be read", error=str(error))
