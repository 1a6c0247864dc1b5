"""Rebuilds the read models from the log, beside those that are read meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.log import heads
from eventstore.pointers import Pointers
from eventstore.store import Store
from projections.build import Plan, Progress, build
from projections.projector import Projector

_ALIVE: Final = 10.0
"""Seconds between two signs of life of a rebuild."""


@dataclass(frozen=True)
class RebuildSummary:
    """What a rebuild did. Seconds are of this process's clock."""

    generation: int
    events: int
    seconds: float


async def rebuild(
    store: Store,
    catalog: Catalog,
    progress: Progress,
    *,
    only: Portal | None = None,
    jobs: int | None = None,
) -> RebuildSummary:
    """Rebuild the read models of all portals, or of one, while servers run and events come.

    Fills a new generation, catches up, then lets the catalog point to it. A rebuild that is cut
    off changes nothing: it leaves a generation that nobody reads, which a later one removes.
    """
    with store.rebuilding() as alone:
        await sweep(store, Pointers(catalog), alone=alone)
        return await _rebuild(store, catalog, progress, only, jobs)


async def _rebuild(
    store: Store, catalog: Catalog, progress: Progress, only: Portal | None, jobs: int | None
) -> RebuildSummary:
    started = time.monotonic()
    pointers = Pointers(catalog)
    portals = (await catalog.snapshot()).portals.values()
    rebuilt = [portal.id for portal in portals if only is None or portal.id == only.id]
    newest = await _heads(store)
    plan = Plan(store.log, {portal_id: newest.get(portal_id, 0) for portal_id in rebuilt})
    number = await pointers.begin(_now())
    async with _alive(pointers, number):
        await build(store.generation(number), plan, progress, jobs=jobs)
        await _catch_up(store, number, rebuilt)
        await pointers.flip(number, rebuilt, _now())
    await sweep(store, pointers)
    return RebuildSummary(number, sum(plan.upto.values()), time.monotonic() - started)


async def sweep(store: Store, pointers: Pointers, *, alone: bool = False) -> None:
    """Remove the generations that were replaced a while ago, or that nobody will finish.

    Who is `alone` rebuilds nothing else at the moment, and nobody else does.
    """
    for number in await pointers.abandoned(await store.generations(), _now(), alone=alone):
        await store.generation(number).remove()


async def _catch_up(store: Store, number: int, portals: Sequence[int]) -> None:
    """Project what came while the generation was filled."""
    events = Pool(store.log, 1)
    projector = Projector(events, store.generation(number), lambda: portals)
    try:
        await projector.catch_up()
    finally:
        await projector.close()
        await events.close()


@asynccontextmanager
async def _alive(pointers: Pointers, number: int) -> AsyncIterator[None]:
    """Give signs of life, or the unfinished generation would be taken for abandoned."""

    async def give() -> None:
        while True:
            await asyncio.sleep(_ALIVE)
            with suppress(StoreUnavailable):
                await pointers.still_there(number, _now())

    task = asyncio.create_task(give())
    try:
        yield
    finally:
        task.cancel()


async def _heads(store: Store) -> dict[int, int]:
    log = Pool(store.log, 1)
    try:
        async with log.reading() as session:
            return await heads(session)
    finally:
        await log.close()


def _now() -> int:
    return time.time_ns() // 1000
