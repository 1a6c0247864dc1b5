"""Pointers: which generation each portal is read from, and which ones nobody needs any more."""

import asyncio

import pytest

from eventstore.catalog import Catalog
from eventstore.pointers import GRACE, Pointers
from eventstore.store import Store

NOW = 1_789_400_000_000_000


@pytest.fixture
async def pointers(catalog: Catalog) -> Pointers:
    """Those of two portals, which are read from generation 1."""
    await catalog.add_portal("acme", "m1", now=NOW)
    await catalog.add_portal("globex", "m2", now=NOW)
    return Pointers(catalog)


async def named(catalog: Catalog) -> dict[str, int]:
    """Return the generation of each portal."""
    portals = (await catalog.snapshot()).portals.values()
    return {portal.slug: portal.generation for portal in portals}


async def test_a_portal_is_read_from_where_it_was_flipped_to(
    catalog: Catalog, pointers: Pointers
) -> None:
    before, revision = await named(catalog), await catalog.revision()
    number = await pointers.begin(NOW)

    await pointers.flip(number, [2], NOW)

    assert before == {"acme": 1, "globex": 1}
    assert await named(catalog) == {"acme": 1, "globex": 2}
    assert await catalog.revision() > revision


async def test_a_new_portal_begins_where_the_newest_are(
    catalog: Catalog, pointers: Pointers
) -> None:
    await pointers.flip(await pointers.begin(NOW), [1, 2], NOW)

    await catalog.add_portal("initech", "m3", now=NOW)

    assert await named(catalog) == {"acme": 2, "globex": 2, "initech": 2}


async def test_each_that_begins_gets_a_number_of_its_own(
    catalog: Catalog, pointers: Pointers, fresh: Store
) -> None:
    other = await Catalog.open(fresh)
    both = (pointers, Pointers(other))

    numbers = await asyncio.gather(*(each.begin(NOW) for _ in range(5) for each in both))
    await other.close()

    assert sorted(numbers) == list(range(2, 12))


async def test_what_is_read_is_never_abandoned(pointers: Pointers) -> None:
    assert await pointers.abandoned([1], NOW + 9 * GRACE) == []


async def test_what_was_left_is_abandoned_after_its_grace(pointers: Pointers) -> None:
    number = await pointers.begin(NOW)
    await pointers.flip(number, [1], NOW)
    still_read = await pointers.abandoned([1, number], NOW + 9 * GRACE)
    await pointers.flip(number, [2], NOW)

    assert still_read == []
    assert await pointers.abandoned([1, number], NOW + GRACE - 1) == []
    assert await pointers.abandoned([1, number], NOW + GRACE) == [1]


async def test_what_is_being_made_is_kept_while_its_maker_lives(pointers: Pointers) -> None:
    number = await pointers.begin(NOW)
    await pointers.still_there(number, NOW + GRACE)

    assert await pointers.abandoned([1, number], NOW + 2 * GRACE - 1) == []
    assert await pointers.abandoned([1, number], NOW + 2 * GRACE) == [number]


async def test_what_was_dropped_is_abandoned_at_once(pointers: Pointers) -> None:
    number = await pointers.begin(NOW)

    await pointers.drop(number)

    assert await pointers.abandoned([1, number], NOW) == [number]


async def test_what_nobody_knows_of_is_abandoned(pointers: Pointers) -> None:
    """A catalog that was put back from a backup does not know of what was made since."""
    assert await pointers.abandoned([1, 7], NOW) == [7]
