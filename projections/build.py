"""Builds a generation in a file of its own, from the log and from nothing else."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import bindparam, select

from eventstore.database import Session, open_writer
from projections.fill import Fill, fold_all, record_all
from projections.generations import create_indexes, create_tables, open_generation
from projections.tables import metadata
from projections.workers import Workers, default_jobs

Progress = Callable[[int, int], None]
"""Is told how many events of how many are taken in."""

_ROWS: Final = {
    table: select(table).where(table.c.portal_id == bindparam("portal_id"))
    for table in metadata.sorted_tables
}

_FEW: Final = 20_000
"""Events that are taken in before other processes would have started."""


class Plan(NamedTuple):
    """What a generation is built from.

    `upto` says up to which position the log of each portal is taken in. The rows of the portals
    `kept` are taken over from another generation.
    """

    log: Path
    upto: Mapping[int, int]
    generation: Path | None = None
    kept: Sequence[int] = ()


async def build(path: Path, plan: Plan, progress: Progress, *, jobs: int | None = None) -> None:
    """Fill a new file with the read models of portals.

    Uses `jobs` processes, or as many as there are cores. It is durable when this returns; a build
    that is cut off leaves a file that nobody reads.
    """
    remove(path)
    total = sum(plan.upto.values())
    workers = Workers(1 if total < _FEW else jobs or default_jobs())
    # Nobody reads this file before it is complete, so it is synced once, at the end.
    generation = await open_writer(path, journal="WAL", synchronous="OFF")
    try:
        await generation.execute("PRAGMA temp_store=MEMORY")
        await create_tables(generation, indexes=False)
        if plan.generation:
            await _take_over(plan.generation, generation, plan.kept)
        into = Fill(plan.log, path, generation, workers)
        count = _counted(progress, total)
        for portal_id, position in plan.upto.items():
            await record_all(into, portal_id, position, count)
        await create_indexes(generation)
        for portal_id in plan.upto:
            await fold_all(into, portal_id)
        await generation.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        workers.close()
        await generation.close()
    _sync(path)


async def _take_over(path: Path, generation: Session, portals: Sequence[int]) -> None:
    old = await open_generation(path)
    try:
        async with old.transaction(), generation.transaction():
            for portal_id in portals:
                for table, rows in _ROWS.items():
                    async for batch in old.stream(rows, portal_id=portal_id):
                        await generation.insert(table, batch)
    finally:
        await old.close()


def remove(path: Path) -> None:
    """Remove a SQLite file with all that belongs to it, if it is there."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _counted(progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def count(events: int) -> None:
        nonlocal done
        done = min(done + events, total)
        progress(done, total)

    return count
