"""Builds a generation in a file of its own, from the log and from nothing else."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from eventstore.database import Pool, open_writer
from projections.fill import fold_all, record_all
from projections.generations import create_indexes, create_tables

Progress = Callable[[int, int], None]
"""Is told how many events of how many are taken in."""


async def build(path: Path, log: Pool, upto: Mapping[int, int], progress: Progress) -> None:
    """Fill a new file with the read models of portals, each up to a position of its log.

    It is durable when this returns. A build that is cut off leaves a file that nobody reads.
    """
    remove(path)
    counted = _Counted(progress, sum(upto.values()))
    generation = await open_writer(path, journal="OFF", synchronous="OFF")
    try:
        # The indexes are sorted in memory, not in files.
        await generation.execute("PRAGMA temp_store=MEMORY")
        await create_tables(generation, indexes=False)
        async with log.reading() as events:
            for portal_id, position in upto.items():
                async with generation.transaction():
                    await record_all(events, generation, portal_id, position, counted)
        async with generation.transaction():
            await create_indexes(generation)
            for portal_id in upto:
                await fold_all(generation, portal_id)
    finally:
        await generation.close()
    _sync(path)


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


class _Counted:
    """Adds up what is taken in, and says it."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def __call__(self, events: int) -> None:
        self._done += events
        self._progress(self._done, self._total)
