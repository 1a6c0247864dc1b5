"""Several processes that project one generation: only PostgreSQL lets more than one write."""

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from eventstore import log
from eventstore.database import Pool, Session, postgresql
from eventstore.errors import StoreUnavailable
from eventstore.event import Event
from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from projections import project as projecting_once
from projections import projector as module
from projections.generations import prepare_generation
from tests.projections.stored import (
    append,
    differences,
    lived,
    living,
    portal,
    projecting,
    running,
    undecoded,
    unreadable,
)

pytestmark = pytest.mark.postgresql

ONE, OTHER, THIRD = portal(1), portal(2), portal(3)
PATIENCE = 20
"""Seconds after which what does not come to pass is taken never to."""


@pytest.fixture
async def store(postgresql_url: str, tmp_path: Path) -> PostgresStore:
    """A store with an empty generation."""
    store = PostgresStore(postgresql_url, tmp_path / "secret.key")
    await ensure(store)
    await prepare_generation(store, 1)
    return store


@asynccontextmanager
async def taken(store: Store, portal_id: int) -> AsyncIterator[None]:
    """Have the checkpoint of a portal, as a projector has it that never goes on."""
    session = await store.generation(1).open_writer()
    try:
        await projecting_once.open_checkpoint(session, portal_id)
        async with session.transaction():
            assert await projecting_once.take(session, portal_id) is not None
            yield
    finally:
        await session.close()


async def test_what_two_leave_together_is_what_one_would_leave(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of three portals, some there before, some while both project: each is taken once."""
    real, projected = projecting_once.project, Counter[tuple[int, int]]()
    by: set[int] = set()

    async def project(session: Session, portal_id: int, events: Sequence[Event]) -> None:
        by.add(id(session))
        projected.update((portal_id, event.position) for event in events)
        await real(session, portal_id, events)
        await asyncio.sleep(0.02)  # so that the other meets a portal that is taken

    monkeypatch.setattr(module, "project", project)
    monkeypatch.setattr(module, "BATCH", 16)
    lives = {each: lived(seed) for seed, each in enumerate((ONE, OTHER, THIRD))}
    for each, events in lives.items():
        await append(store, each, events[::2])

    async with living(store, project=True) as one, living(store, project=True) as another:
        for live in (one, another):
            await live.follow({each.id: 1 for each in lives})
        heads = {each: await append(store, each, events[1::2]) for each, events in lives.items()}
        for live in (one, another):
            for each, head in heads.items():
                assert await live.wait_for(each.id, head, seconds=PATIENCE)

    assert await differences(store, *lives) == []
    assert set(projected.values()) == {1}
    assert projected.keys() == {
        (each.id, position) for each, head in heads.items() for position in range(1, head + 1)
    }
    assert len(by) == 2


async def test_a_portal_that_another_process_has_is_left_to_it(store: PostgresStore) -> None:
    for each in (ONE, OTHER):
        await append(store, each, unreadable(3))
    async with projecting(store, ONE, OTHER) as projector:
        assert await projector.step(ONE.id)
        await append(store, ONE, unreadable(2, begin=3))

        async with taken(store, ONE.id):
            assert not await projector.step(ONE.id)
            assert await projector.step(OTHER.id)
            assert (projector.projected[ONE.id], projector.projected[OTHER.id]) == (3, 3)

        assert await projector.step(ONE.id)
    assert [*await undecoded(store, ONE.id)] == [1, 2, 3, 4, 5]


async def test_nobody_waits_for_who_begins_with_a_portal(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun, go_on = projecting_once.project, asyncio.Event(), asyncio.Event()

    async def project(session: Session, portal_id: int, events: Sequence[Event]) -> None:
        begun.set()
        await go_on.wait()
        await real(session, portal_id, events)

    monkeypatch.setattr(module, "project", project)
    await append(store, ONE, unreadable(3))

    async with projecting(store, ONE) as projector, projecting(store, ONE) as other:
        beginning = asyncio.create_task(projector.step(ONE.id))
        await begun.wait()
        assert not await other.step(ONE.id)
        go_on.set()
        assert await beginning

    assert [*await undecoded(store)] == [1, 2, 3]


async def test_who_dies_with_a_portal_is_replaced(store: PostgresStore) -> None:
    """A process that is killed between the rows of events and their commit."""
    await append(store, ONE, lived(1))
    spawning = multiprocessing.get_context("spawn")
    told, tell = spawning.Pipe(duplex=False)
    dying = spawning.Process(target=project_for_ever, args=(store, tell), daemon=True)
    dying.start()
    tell.close()  # so that the end of the other one is heard of
    head = await asyncio.to_thread(told.recv)

    async with projecting(store, ONE) as projector, running(projector):
        assert not await projector.wait_for(ONE.id, 1, seconds=0.2)
        dying.kill()
        await asyncio.to_thread(dying.join)
        assert await projector.wait_for(ONE.id, head, seconds=PATIENCE)

    assert await differences(store, ONE) == []


def project_for_ever(store: PostgresStore, tell: Connection) -> None:
    """Project all events of a portal in a transaction that never ends."""

    async def work() -> None:
        session = await store.generation(1).open_writer()
        await projecting_once.open_checkpoint(session, ONE.id)
        async with session.transaction(), Pool(store.log, 1).reading() as events:
            assert await projecting_once.take(session, ONE.id) == 0
            page = await log.page(events, ONE.id, after=0, limit=1_000)
            await projecting_once.project(session, ONE.id, page)
            tell.send(page[-1].position)
            await asyncio.sleep(PATIENCE)

    asyncio.run(work())


async def test_who_freezes_with_a_portal_is_replaced(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database gives up on who begins a transaction and falls silent."""
    await append(store, ONE, unreadable(3))
    async with projecting(store, ONE) as projector:
        await projector.step(ONE.id)
    await append(store, ONE, unreadable(2, begin=3))
    monkeypatch.setitem(postgresql.BRIEF, "idle_in_transaction_session_timeout", "100ms")
    frozen = await store.generation(1).open_writer()
    monkeypatch.undo()
    silence = frozen.transaction()
    await silence.__aenter__()
    assert await projecting_once.take(frozen, ONE.id) == 3

    async with projecting(store, ONE) as projector, running(projector):
        assert await projector.wait_for(ONE.id, 5, seconds=PATIENCE)

    assert frozen.broken
    with pytest.raises(StoreUnavailable):
        await silence.__aexit__(None, None, None)
    assert [*await undecoded(store)] == [1, 2, 3, 4, 5]
