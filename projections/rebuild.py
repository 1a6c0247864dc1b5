"""Rebuilds the read models from the log, in place of those that are there."""

import time
from dataclasses import dataclass

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.folder import Folder
from eventstore.log import heads
from projections.build import Plan, Progress, build, remove


@dataclass(frozen=True)
class RebuildSummary:
    """What a rebuild did. Seconds are of this process's clock."""

    generation: int
    events: int
    seconds: float


async def rebuild(
    folder: Folder,
    catalog: Catalog,
    progress: Progress,
    *,
    only: Portal | None = None,
    jobs: int | None = None,
) -> RebuildSummary:
    """Rebuild the read models of all portals, or of one: fill a new file, then point to it.

    The caller holds the store's lock. A rebuild that is cut off changes nothing. Of one portal, it
    takes over the rows of the others as they are, and raises StaleGeneration when it cannot.
    """
    started = time.monotonic()
    number = await catalog.generation()
    portals = (await catalog.snapshot()).portals.values()
    rebuilt = [portal.id for portal in portals if only is None or portal.id == only.id]
    kept = [portal.id for portal in portals if portal.id not in rebuilt]
    newest = await _heads(folder)
    plan = Plan(
        log=folder.log,
        upto={portal_id: newest.get(portal_id, 0) for portal_id in rebuilt},
        generation=folder.generation(number) if kept else None,
        kept=kept,
    )
    await build(folder.generation(number + 1), plan, progress, jobs=jobs)
    await catalog.point_to(number + 1)
    remove_others(folder, keep=number + 1)
    return RebuildSummary(number + 1, sum(plan.upto.values()), time.monotonic() - started)


def remove_others(folder: Folder, *, keep: int) -> None:
    """Remove the generations that were replaced, or never finished, and what verifying left."""
    for path in (*folder.path.glob("read-*.db"), *folder.path.glob("verify-*.db")):
        if path != folder.generation(keep):
            remove(path)


async def _heads(folder: Folder) -> dict[int, int]:
    log = Pool(folder.log, 1)
    try:
        async with log.reading() as session:
            return await heads(session)
    finally:
        await log.close()
