"""Generations: a complete set of read models, in a file of its own."""

import zlib
from pathlib import Path
from typing import Final

from eventstore.database import (
    SqliteSession,
    create_statements,
    index_statements,
    open_writer,
)
from projections.errors import StaleGeneration
from projections.readmodels import READ_MODELS
from projections.tables import metadata

_DDL: Final = [*create_statements(metadata), *index_statements(metadata)]
SHAPE: Final = zlib.crc32("\n".join(_DDL).encode()) & 0x7FFFFFFF
"""Stands for the tables of this version: a generation that has other ones cannot be used."""

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


async def create_tables(session: SqliteSession, *, indexes: bool) -> None:
    """Make the tables of a generation; without indexes, `create_indexes` must follow."""
    for statement in create_statements(metadata, indexes=indexes):
        await session.execute(statement)
    await session.execute(f"PRAGMA user_version={SHAPE}")


async def create_indexes(session: SqliteSession) -> None:
    """Make the secondary indexes of a generation, after a bulk insert."""
    for statement in index_statements(metadata):
        await session.execute(statement)
