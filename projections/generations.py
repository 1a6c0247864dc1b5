"""Generations: a complete set of read models, in a file or a schema of its own."""

import zlib
from collections.abc import Iterable
from typing import Final

from eventstore.database import Pool
from eventstore.database.statements import SQLITE, create_statements
from eventstore.log import heads
from eventstore.store import Store
from projections.errors import StaleGeneration
from projections.project import checkpoints
from projections.readmodels import READ_MODELS
from projections.tables import metadata

MEANING: Final = 1
"""Raise it with every change of what a decoder or a fold says, so that old rows are not served."""

SHAPE: Final = (
    zlib.crc32("\n".join([*create_statements(metadata, SQLITE), str(MEANING)]).encode())
    & 0x7FFFFFFF
)
"""Stands for the tables and the meaning of this version: no other generation can be used."""

assert all(table.metadata is metadata for model in READ_MODELS for table in model.tables)  # noqa: S101


async def prepare_generation(store: Store, number: int) -> None:
    """Make the tables of a generation, if there are none.

    Raises StaleGeneration when they are those of another version.
    """
    session = await store.generation(number).open_writer()
    try:
        shape = await session.stamp()
        if shape == 0:
            async with session.transaction():
                await session.keep_out_writers(metadata)  # several servers may start at once
                await session.create(metadata, indexes=True)
                await session.set_stamp(SHAPE)
        elif shape != SHAPE:
            raise StaleGeneration(
                f"generation {number} was made by another version: run `chronicle rebuild`,"
                " nothing is lost"
            )
    finally:
        await session.close()


async def check_not_behind(store: Store, numbers: Iterable[int]) -> None:
    """Raise StaleGeneration when the log has less than the read models were derived from.

    A log that was restored to an earlier point gives its lost positions to new events, which the
    projector would take for projected.
    """
    for number in numbers:
        for portal_id, position, head in await ahead_of_log(store, number):
            raise StaleGeneration(
                f"the read models know position {position} of portal {portal_id}, the log ends at"
                f" {head}: it was restored or lost. If that is the best log there is, run"
                " `chronicle rebuild`"
            )


async def ahead_of_log(store: Store, number: int) -> list[tuple[int, int, int]]:
    """Give each portal of which a generation knows more than the log: id, position, head."""
    generation, log = Pool(store.generation(number), 1), Pool(store.log, 1)
    if not await generation.place.exists():
        return []
    try:
        async with generation.reading() as session:
            reached = await checkpoints(session)
        async with log.reading() as session:
            newest = await heads(session)
    finally:
        await generation.close()
        await log.close()
    return [
        (portal_id, position, newest.get(portal_id, 0))
        for portal_id, position in sorted(reached.items())
        if position > newest.get(portal_id, 0)
    ]
