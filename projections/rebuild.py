"""Rebuilds the read models from the log, beside those that are there."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.log import heads
from eventstore.store import Store
from projections.build import Plan, Progress, build


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
    """Rebuild the read models of all portals, or of one: fill a new generation, then point to it.

    A rebuild that is cut off changes nothing: it leaves a generation that nobody reads.
    """
    started = time.monotonic()
    portals = list((await catalog.snapshot()).portals.values())
    rebuilt = [portal.id for portal in portals if only is None or portal.id == only.id]
    number = await _next_number(store, portals)
    newest = await _heads(store)
    plan = Plan(store.log, {portal_id: newest.get(portal_id, 0) for portal_id in rebuilt})
    await build(store.generation(number), plan, progress, jobs=jobs)
    await catalog.point_to(number, rebuilt)
    pointed = (await catalog.snapshot()).portals.values()
    await remove_others(store, keep={portal.generation for portal in pointed})
    return RebuildSummary(number, sum(plan.upto.values()), time.monotonic() - started)


async def remove_others(store: Store, *, keep: Collection[int]) -> None:
    """Remove the generations that were replaced, or never finished, and what verifying left."""
    for number in await store.generations():
        if number not in keep:
            await store.generation(number).remove()
    for name in await store.scratches():
        await store.scratch(name).remove()


async def _next_number(store: Store, portals: Sequence[Portal]) -> int:
    # What was left by a rebuild that was cut off is not written to again: its number is past.
    used = [portal.generation for portal in portals] + await store.generations()
    return max(used, default=0) + 1


async def _heads(store: Store) -> dict[int, int]:
    log = Pool(store.log, 1)
    try:
        async with log.reading() as session:
            return await heads(session)
    finally:
        await log.close()
