"""Generations: who makes one, and when another version's is refused."""

import asyncio
from functools import partial

import pytest

from eventstore.migrations import ensure
from eventstore.store import Store
from projections.errors import StaleGeneration
from projections.generations import SHAPE, prepare_generation
from tests.engines import patiently, query


async def test_several_that_need_a_generation_at_once_make_one(fresh: Store) -> None:
    await ensure(fresh)

    needing = partial(prepare_generation, fresh, 1)
    await asyncio.gather(*(patiently(needing) for _ in range(4)))

    assert await query(fresh.generation(1), "SELECT * FROM checkpoint") == []


async def test_a_generation_of_another_version_is_refused(fresh: Store) -> None:
    await ensure(fresh)
    await prepare_generation(fresh, 1)
    session = await fresh.generation(1).open_writer()
    await session.set_stamp(SHAPE - 1)
    await session.close()

    with pytest.raises(StaleGeneration, match="chronicle rebuild"):
        await prepare_generation(fresh, 1)
