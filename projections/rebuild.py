"""Rebuilds the read models from the log, beside those that are read meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from eventstore.catalog import Catalog
from eventstore.database import Place, Pool
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.log import heads_of
from eventstore.pointers import Pointers
from eventstore.store import Store
from projections.build import Plan, Progress, build
from projections.errors import StaleGeneration
from projections.fingerprints import fingerprints
from projections.generations import maker_of
from projections.project import checkpoint_of
from projections.projector import Projector
from projections.whole import check_whole

_ALIVE: Final = 10.0
"""Seconds between two signs of life of a rebuild."""


class Selection(NamedTuple):
    """What is rebuilt: these portals, or all; from the events, or from the facts that are there."""

    portals: Collection[int] | None = None
    from_facts: bool = False


ALL: Final = Selection()


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
    what: Selection = ALL,
    jobs: int | None = None,
) -> RebuildSummary:
    """Rebuild the read models of portals, while servers run and events come.

    Fills a new generation, catches up, checks that it is whole, then lets the catalog point to
    it. A rebuild that is cut off changes nothing: it leaves a generation that nobody reads, which
    a later one removes. Raises StaleGeneration for facts that other code has derived.
    """
    with store.rebuilding() as alone:
        await sweep(store, Pointers(catalog), alone=alone)
        return await _rebuild(store, catalog, progress, what, jobs)


async def _rebuild(
    store: Store, catalog: Catalog, progress: Progress, what: Selection, jobs: int | None
) -> RebuildSummary:
    started = time.monotonic()
    pointers = Pointers(catalog)
    portals = (await catalog.snapshot()).portals.values()
    chosen = [portal for portal in portals if what.portals is None or portal.id in what.portals]
    rebuilt = [portal.id for portal in chosen]
    plan = await _from_facts(store, chosen) if what.from_facts else await _from_raw(store, rebuilt)
    number = await pointers.begin(_now())
    async with _alive(pointers, number):
        await build(store.generation(number), plan, progress, jobs=jobs)
        await _catch_up(store, number, rebuilt)
        await check_whole(store.generation(number), plan.upto)
        await pointers.flip(number, rebuilt, _now())
    await sweep(store, pointers)
    return RebuildSummary(number, sum(plan.upto.values()), time.monotonic() - started)


async def sweep(store: Store, pointers: Pointers, *, alone: bool = False) -> None:
    """Remove the generations that were replaced a while ago, or that nobody will finish.

    Who is `alone` rebuilds nothing else at the moment, and nobody else does.
    """
    for number in await pointers.abandoned(await store.generations(), _now(), alone=alone):
        await store.generation(number).remove()


async def _from_raw(store: Store, portals: Sequence[int]) -> Plan:
    newest = await heads_of(store.log)
    return Plan(store.log, {portal_id: newest.get(portal_id, 0) for portal_id in portals})


async def _from_facts(store: Store, portals: Sequence[Portal]) -> Plan:
    upto: dict[int, int] = {}
    facts: dict[int, Place] = {}
    for portal in portals:
        facts[portal.id] = store.generation(portal.generation)
        upto[portal.id] = await _reached(facts[portal.id], portal)
    return Plan(store.log, upto, facts)


async def _reached(generation: Place, portal: Portal) -> int:
    """Return up to which position a generation has facts as our decoders derive them."""
    if not await generation.exists():
        raise StaleGeneration(f"{portal.slug} has no facts yet: `chronicle rebuild --from raw`")
    session = await generation.open_reader()
    try:
        maker = await maker_of(session)
        if maker is None or maker.facts != fingerprints().facts:
            raise StaleGeneration(
                f"the facts of {portal.slug} are of other decoders: `chronicle rebuild --from raw`"
            )
        return await checkpoint_of(session, portal.id)
    finally:
        await session.close()


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


def _now() -> int:
    return time.time_ns() // 1000
