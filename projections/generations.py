"""Generations: a complete set of read models, in a file or a schema of its own."""

import zlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, MetaData, Table, select

from eventstore.database import Place, Session, text
from eventstore.database.statements import SQLITE, create_statements
from eventstore.log import heads_of
from eventstore.store import Store
from projections.errors import StaleGeneration
from projections.fingerprints import Fingerprints, fingerprints
from projections.project import checkpoints
from projections.readmodels import READ_MODELS
from projections.tables import metadata

about: Final = MetaData()
made_by: Final = Table(
    "made_by",
    about,
    *(Column(part, text(), primary_key=True) for part in Fingerprints._fields),
)
"""The code that a generation was made by: one row, of its fingerprints."""

SHAPE: Final = (
    zlib.crc32(
        "\n".join(
            statement for each in (metadata, about) for statement in create_statements(each, SQLITE)
        ).encode()
    )
    & 0x7FFFFFFF
)
"""Stands for the tables of this version: no others can be read."""

assert all(table.metadata is metadata for model in READ_MODELS for table in model.tables)  # noqa: S101


class Standing(StrEnum):
    """What a generation is to this program."""

    CURRENT = "current"
    """What this program would make."""

    OLDER = "older"
    """What other code said: it can be read until it is made anew."""

    UNREADABLE = "unreadable"
    """Other tables than this program knows."""


async def prepare_generation(store: Store, number: int) -> Standing:
    """Make the tables of a generation, if there are none; say what it is to this program."""
    session = await store.generation(number).open_writer()
    try:
        if await session.stamp() == 0:
            async with session.transaction():
                await session.keep_out_writers(metadata)  # several servers may start at once
                if await session.stamp() == 0:
                    await create(session, indexes=True)
                    await seal(session)
        return await _standing(session)
    finally:
        await session.close()


async def create(session: Session, *, indexes: bool) -> None:
    """Make the tables of a generation: only when it is sealed, it can be read."""
    await session.create(metadata, indexes=indexes)
    await session.create(about, indexes=True)


async def seal(session: Session) -> None:
    """Say what code made a generation, now that it is complete."""
    await session.insert(made_by, [fingerprints()])
    await session.set_stamp(SHAPE)


async def maker_of(session: Session) -> Fingerprints | None:
    """Return the code that made a generation; None if its tables are others than ours."""
    if await session.stamp() != SHAPE:
        return None
    rows = await session.rows(select(made_by))
    return Fingerprints._make(rows[0])


async def _standing(session: Session) -> Standing:
    maker = await maker_of(session)
    if maker is None:
        return Standing.UNREADABLE
    return Standing.CURRENT if maker == fingerprints() else Standing.OLDER


async def check_not_behind(store: Store, numbers: Iterable[int]) -> None:
    """Raise StaleGeneration when the log has less than the read models were derived from.

    A log that was restored to an earlier point gives its lost positions to new events, which the
    projector would take for projected.
    """
    for number in numbers:
        reached = await _reached(store.generation(number))
        newest = await heads_of(store.log)  # after what was derived from it
        for portal_id, position in sorted(reached.items()):
            if position > (head := newest.get(portal_id, 0)):
                raise StaleGeneration(
                    f"the read models know position {position} of portal {portal_id}, the log ends"
                    f" at {head}: it was restored or lost. If that is the best log there is, run"
                    " `chronicle rebuild`"
                )


async def _reached(generation: Place) -> dict[int, int]:
    """Return how far each portal is in a generation, if it can be read."""
    if not await generation.exists():
        return {}
    session = await generation.open_reader()
    try:
        return await checkpoints(session) if await maker_of(session) else {}
    finally:
        await session.close()
