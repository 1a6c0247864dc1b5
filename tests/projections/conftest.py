"""A store of two portals, for tests that build it again."""

from collections.abc import AsyncIterator

import pytest

from eventstore.catalog import Catalog
from eventstore.store import Store
from projections.generations import prepare_generation
from tests.projections.own_events import reading, watching
from tests.projections.stored import (
    append,
    contradicting,
    lived,
    orphaned,
    portals,
    projecting,
    unreadable,
)
from tests.promises.server import NOW


@pytest.fixture
async def catalog(fresh: Store) -> AsyncIterator[Catalog]:
    """A store of two portals, of which one lived."""
    catalog = await Catalog.open(fresh, create=True)
    await catalog.add_portal("one", "member-1", now=NOW)
    await catalog.add_portal("other", "member-2", now=NOW)
    one, other = await portals(catalog)
    life = lived(1)
    own = [*watching(), orphaned(), *reading()]
    await append(fresh, one, [*life, contradicting(life), *unreadable(1, begin=1_000), *own])
    await append(fresh, other, unreadable(3))
    await prepare_generation(fresh, 1)
    async with projecting(fresh, one, other) as projector:
        await projector.catch_up()
    yield catalog
    await catalog.close()
