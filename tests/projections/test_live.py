"""Which generation a process reads, and how it moves from one to the next."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from eventstore.catalog import Catalog
from eventstore.directory import Portal
from eventstore.migrations import ensure
from eventstore.store import Store
from projections.build import Plan, build
from projections.generations import Standing, prepare_generation
from projections.live import Live
from projections.project import checkpoint_of
from projections.projector import Projector
from tests.engines import query
from tests.projections.stored import append, living, portal, projecting, unread, unreadable
from tests.promises.server import NOW, serving

ONE, OTHER = portal(1), portal(2)
PATIENCE = 20
"""Seconds after which what does not come to pass is taken never to."""


@pytest.fixture
async def store(fresh: Store) -> Store:
    """A store of two portals, with five events that nobody can decode in each log."""
    await ensure(fresh)
    for each in (ONE, OTHER):
        await append(fresh, each, unreadable(5))
    return fresh


async def built(store: Store, number: int, upto: dict[int, int]) -> None:
    """Make a generation that has come so far."""
    await build(store.generation(number), Plan(store.log, upto), unread)


async def answered(live: Live, of: Portal) -> tuple[int, int]:
    """The generation of an answer, and its position."""
    async with live.reading(of.id) as session:
        return live.generation(of.id), await checkpoint_of(session, of.id)


async def test_a_generation_is_read_only_when_it_has_reached_what_was_answered(
    store: Store,
) -> None:
    async with living(store) as live:
        await live.follow({ONE.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 3})

        before = await answered(live, ONE)
        await live.follow({ONE.id: 2})
        meanwhile = await answered(live, ONE)
        await live.catch_up()
        await live.follow({ONE.id: 2})
        after = await answered(live, ONE)

    assert [before, meanwhile, after] == [(1, 5), (1, 5), (2, 5)]


async def test_no_portal_goes_elsewhere_while_somebody_reads_it(store: Store) -> None:
    """What he reads may be newer than what the new generation has: it would be read next."""
    async with living(store) as live:
        await live.follow({ONE.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 5})

        async with live.reading(ONE.id):
            await live.follow({ONE.id: 2})
            meanwhile = live.generation(ONE.id)
        await live.follow({ONE.id: 2})

        assert (meanwhile, live.generation(ONE.id)) == (1, 2)


async def test_what_is_read_goes_on_while_another_generation_is_behind(store: Store) -> None:
    async with living(store) as live:
        await live.follow({ONE.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 3})
        await live.follow({ONE.id: 2})

        await append(store, ONE, unreadable(2, begin=5))
        await live.catch_up()

        assert await answered(live, ONE) == (1, 7)


async def test_each_portal_moves_by_itself(store: Store) -> None:
    async with living(store) as live:
        await live.follow({ONE.id: 1, OTHER.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 5, OTHER.id: 3})

        await live.follow({ONE.id: 2, OTHER.id: 2})

        assert await answered(live, ONE) == (2, 5)
        assert await answered(live, OTHER) == (1, 5)
        assert live.projected(OTHER.id) == 5


async def test_the_last_portal_that_leaves_a_generation_ends_its_projection(store: Store) -> None:
    async with living(store) as live:
        await live.follow({ONE.id: 1, OTHER.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 5, OTHER.id: 5})

        await live.follow({ONE.id: 2, OTHER.id: 1})
        await append(store, OTHER, unreadable(1, begin=5))
        await live.catch_up()
        await live.follow({ONE.id: 2, OTHER.id: 2})
        await live.catch_up()
        await live.follow({ONE.id: 2, OTHER.id: 2})
        await append(store, OTHER, unreadable(1, begin=6))
        await live.catch_up()

        assert await answered(live, OTHER) == (2, 7)
        assert await query(
            store.generation(1), "SELECT portal_id, position FROM checkpoint ORDER BY portal_id"
        ) == [(1, 5), (2, 6)]


async def test_a_generation_with_other_tables_is_not_read(store: Store) -> None:
    await prepare_generation(store, 2)
    session = await store.generation(2).open_writer()
    await session.set_stamp(7)
    await session.close()

    async with living(store) as live:
        await live.follow({ONE.id: 1})
        await live.catch_up()
        await live.follow({ONE.id: 2})

        assert await answered(live, ONE) == (1, 5)
        assert live.outdated == {ONE.id}
        assert live.standing(ONE.id) is Standing.CURRENT


async def test_a_process_that_projects_moves_without_a_new_event(store: Store) -> None:
    async with living(store, project=True) as live:
        await live.follow({ONE.id: 1})
        assert await live.wait_for(ONE.id, 5, seconds=PATIENCE)
        await built(store, 2, {ONE.id: 3})

        async with asyncio.timeout(PATIENCE):
            while live.generation(ONE.id) != 2:
                await live.follow({ONE.id: 2})
                assert (await answered(live, ONE))[1] == 5
                await asyncio.sleep(0.01)

        assert await live.wait_for(ONE.id, 5, seconds=PATIENCE)
        assert live.alive
        assert projecting_now() == 1


def projecting_now() -> int:
    """How many projectors run in this process."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return names.count(Projector.run.__qualname__)


async def test_undecoded_events_are_counted_where_each_portal_is_read(store: Store) -> None:
    """Two portals that wait for each other's generation, which has less of each."""
    async with living(store) as live:
        await live.follow({ONE.id: 1, OTHER.id: 1})
        await live.catch_up()
        await built(store, 2, {ONE.id: 5, OTHER.id: 3})
        await live.follow({ONE.id: 2, OTHER.id: 1})
        await append(store, ONE, unreadable(1, begin=5))
        async with projecting(store, ONE, generation=2) as projector:
            await projector.catch_up()
        await live.follow({ONE.id: 1, OTHER.id: 2})

        counted = await live.undecoded()

        assert (live.generation(ONE.id), live.generation(OTHER.id)) == (2, 1)
        assert counted == {ONE.id: 6, OTHER.id: 5}


async def test_a_generation_that_is_gone_keeps_nobody_from_the_next(store: Store) -> None:
    """Nor does it let anybody see less than before."""
    async with living(store, project=True) as live:
        await live.follow({ONE.id: 1})
        assert await live.wait_for(ONE.id, 5, seconds=PATIENCE)
        await built(store, 2, {ONE.id: 3})
        await store.generation(1).remove()

        async with asyncio.timeout(PATIENCE):
            await live.follow({ONE.id: 2})
            while live.generation(ONE.id) != 2:
                await asyncio.sleep(0.01)
                await live.follow({ONE.id: 2})

        assert await answered(live, ONE) == (2, 5)


async def test_a_server_follows_one_catalog_at_a_time(
    fresh: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request looks again while the server does by itself: the older catalog is never last."""
    real, told, asking = Live.follow, list[int](), list[asyncio.Task[bool]]()

    async with serving(fresh) as served, elsewhere(fresh) as other:

        async def follow(live: Live, pointers: Mapping[int, int]) -> None:
            if live is not served.state.live:  # of a server that other tests share
                await real(live, pointers)
                return
            if not asking:
                await other.add_portal("later", "member", now=NOW)
                asking.append(asyncio.create_task(served.state.look_again()))
                await asyncio.wait(asking, timeout=0.3)
            await real(live, pointers)
            told.append(len(pointers))

        monkeypatch.setattr(Live, "follow", follow)
        await served.state.refresh()
        await asyncio.gather(*asking)

    assert told[:2] == [1, 2]


@asynccontextmanager
async def elsewhere(store: Store) -> AsyncIterator[Catalog]:
    """What another process has of a catalog."""
    catalog = await Catalog.open(store)
    try:
        yield catalog
    finally:
        await catalog.close()
