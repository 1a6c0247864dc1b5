"""Generations: a complete set of read models, in a file of its own."""

import zlib
from pathlib import Path
from typing import Final

from eventstore.database import (
    Pool,
    SqliteSession,
    create_statements,
    index_statements,
    open_writer,
)
from eventstore.folder import Folder
from eventstore.log import heads
from projections.errors import StaleGeneration
from projections.project import checkpoints
from projections.readmodels import READ_MODELS
from projections.tables import metadata

_DDL: Final = [*create_statements(metadata), *index_statements(metadata)]
MEANING: Final = 1
"""Raise it with every change of what a decoder or a fold says, so that old rows are not served."""

SHAPE: Final = zlib.crc32("\n".join([*_DDL, str(MEANING)]).encode()) & 0x7FFFFFFF
"""Stands for the tables and the meaning of this version: no other generation can be used."""

assert all(table.metadata is metadata for model in READ_MODELS for table in model.tables)  # noqa: S101


async def open_generation(path: Path) -> SqliteSession:
    """Open a generation to project into it, making it if there is none.

    Raises StaleGeneration when its tables are those of another version.
    """
    session = await open_writer(path, journal="WAL", synchronous="NORMAL")
    shape = (await session.execute("PRAGMA user_version"))[0][0]
    if shape == 0:
        await create_tables(session, indexes=True)
    elif shape != SHAPE:
        await session.close()
        raise StaleGeneration(
            f"{path} was made by another version: run `chronicle rebuild`, nothing is lost"
        )
    return session


async def check_not_behind(folder: Folder, number: int) -> None:
    """Raise StaleGeneration when the log has less than the read models were derived from.

    A log that was restored to an earlier point gives its lost positions to new events, which the
    projector would take for projected.
    """
    for portal_id, position, head in await ahead_of_log(folder, number):
        raise StaleGeneration(
            f"the read models know position {position} of portal {portal_id}, the log ends at"
            f" {head}: it was restored or lost. If that is the best log there is, run"
            " `chronicle rebuild`"
        )


async def ahead_of_log(folder: Folder, number: int) -> list[tuple[int, int, int]]:
    """Give each portal of which a generation knows more than the log: id, position, head."""
    generation, log = Pool(folder.generation(number), 1), Pool(folder.log, 1)
    try:
        if not folder.generation(number).exists():
            return []
        async with generation.reading() as session:
            reached = await checkpoints(session)
        newest: dict[int, int] = {}
        if folder.log.exists():
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


async def create_tables(session: SqliteSession, *, indexes: bool) -> None:
    """Make the tables of a generation; without indexes, `create_indexes` must follow."""
    for statement in create_statements(metadata, indexes=indexes):
        await session.execute(statement)
    await session.execute(f"PRAGMA user_version={SHAPE}")


async def create_indexes(session: SqliteSession) -> None:
    """Make the secondary indexes of a generation, after a bulk insert."""
    for statement in index_statements(metadata):
        await session.execute(statement)
