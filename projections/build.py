"""Builds a generation in a place of its own, from the log and from nothing else."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from eventstore.database import Place
from projections.fill import Fill, fold_all, record_all
from projections.generations import create, seal
from projections.pieces import Places
from projections.tables import DERIVED, fact, metadata
from projections.workers import Workers, default_jobs

Progress = Callable[[int, int], None]
"""Is told how many events of how many are taken in."""

_FEW: Final = 20_000
"""Events that are taken in before other processes would have started."""


class Plan(NamedTuple):
    """From which log a generation is built, and up to which position of each portal."""

    log: Place
    upto: Mapping[int, int]
    facts: Mapping[int, Place] = MappingProxyType({})
    """Where the facts of a portal are that need not be derived again."""


async def build(place: Place, plan: Plan, progress: Progress, *, jobs: int | None = None) -> None:
    """Fill a new place with the read models of portals.

    Uses `jobs` processes, or as many as there are cores. It is durable when this returns; a build
    that is cut off leaves a place that nobody reads.
    """
    await place.remove()
    total = sum(plan.upto.values())
    workers = Workers(1 if total < _FEW else jobs or default_jobs())
    # Nobody reads this place before it is complete, so it is made durable once, at the end.
    generation = await place.open_writer(rebuildable=True)
    try:
        await create(generation, indexes=False)
        into = Fill(Places(plan.log, place), generation, workers)
        count = _counted(progress, total)
        for portal_id, position in plan.upto.items():
            if portal_id in plan.facts:
                await generation.copy_rows(plan.facts[portal_id], DERIVED, portal_id)
                count(position)
            else:
                await record_all(into, portal_id, position, count)
        await generation.create_indexes([fact])  # by which folds find what they fold
        for portal_id in plan.upto:
            await fold_all(into, portal_id)
        await generation.create_indexes(metadata.sorted_tables)
        await seal(generation)
        await generation.settle()
    finally:
        workers.close()
        await generation.close()


def _counted(progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def count(events: int) -> None:
        nonlocal done
        done = min(done + events, total)
        progress(done, total)

    return count
