"""Generations: who makes one, and when another version's is refused."""

import asyncio
from functools import partial

import pytest

from eventstore.migrations import ensure
from eventstore.store import Store
from projections.fingerprints import Fingerprints, fingerprints
from projections.generations import SHAPE, Standing, prepare_generation
from tests.engines import patiently, query, stamp


async def test_several_that_need_a_generation_at_once_make_one(fresh: Store) -> None:
    await ensure(fresh)

    needing = partial(prepare_generation, fresh, 1)
    await asyncio.gather(*(patiently(needing) for _ in range(4)))

    assert await query(fresh.generation(1), "SELECT * FROM checkpoint") == []


async def test_what_this_program_makes_is_current(fresh: Store) -> None:
    await ensure(fresh)

    assert await prepare_generation(fresh, 1) is Standing.CURRENT
    assert await prepare_generation(fresh, 1) is Standing.CURRENT


async def test_what_other_code_made_is_older(fresh: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await ensure(fresh)
    await prepare_generation(fresh, 1)

    other = Fingerprints(fingerprints().facts, "0123456789abcdef")
    monkeypatch.setattr("projections.generations.fingerprints", lambda: other)

    assert await prepare_generation(fresh, 1) is Standing.OLDER


async def test_other_tables_cannot_be_read(fresh: Store) -> None:
    await ensure(fresh)
    await prepare_generation(fresh, 1)
    await stamp(fresh.generation(1), SHAPE - 1)

    assert await prepare_generation(fresh, 1) is Standing.UNREADABLE
