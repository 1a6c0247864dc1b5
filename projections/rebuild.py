"""Rebuilds the read models from the log, in place of those that are there."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, delete

from eventstore.catalog import Catalog, Portal
from eventstore.database import Pool
from eventstore.folder import Folder
from eventstore.log import heads
from projections.build import Progress, build, remove
from projections.fill import fold_all, record_all
from projections.generations import open_generation
from projections.tables import metadata

_EMPTY = [
    delete(table).where(table.c.portal_id == bindparam("portal_id"))
    for table in metadata.sorted_tables
]


@dataclass(frozen=True)
class RebuildSummary:
    """What a rebuild did. Seconds are of this process's clock."""

    generation: int
    events: int
    seconds: float


async def rebuild(folder: Folder, catalog: Catalog, progress: Progress) -> RebuildSummary:
    """Rebuild the read models of all portals: fill a new file, then let readers use that.

    The caller holds the store's lock. A rebuild that is cut off changes nothing.
    """
    started = time.monotonic()
    number = await catalog.generation()
    log = Pool(folder.log, 1)
    try:
        upto = await _upto(log, (await catalog.snapshot()).portals.values())
        await build(folder.generation(number + 1), log, upto, progress)
    finally:
        await log.close()
    await catalog.point_to(number + 1)
    remove_others(folder, keep=number + 1)
    return RebuildSummary(number + 1, sum(upto.values()), time.monotonic() - started)


async def rebuild_portal(
    folder: Folder, catalog: Catalog, portal: Portal, progress: Progress
) -> RebuildSummary:
    """Rebuild the read models of one portal, in one transaction of the file that holds them all.

    The caller holds the store's lock. A rebuild that is cut off changes nothing.
    """
    started = time.monotonic()
    number = await catalog.generation()
    log = Pool(folder.log, 1)
    generation = await open_generation(folder.generation(number))
    try:
        total = (await _upto(log, [portal]))[portal.id]
        done = 0

        def count(events: int) -> None:
            nonlocal done
            done += events
            progress(done, total)

        async with log.reading() as events, generation.transaction():
            for statement in _EMPTY:
                await generation.run(statement, portal_id=portal.id)
            await record_all(events, generation, portal.id, total, count)
            await fold_all(generation, portal.id)
    finally:
        await generation.close()
        await log.close()
    return RebuildSummary(number, total, time.monotonic() - started)


def remove_others(folder: Folder, *, keep: int) -> None:
    """Remove the generations that were replaced, or never finished."""
    for path in folder.path.glob("read-*.db"):
        if path != folder.generation(keep):
            remove(path)


async def _upto(log: Pool, portals: Collection[Portal]) -> dict[int, int]:
    async with log.reading() as session:
        newest = await heads(session)
    return {portal.id: newest.get(portal.id, 0) for portal in portals}
