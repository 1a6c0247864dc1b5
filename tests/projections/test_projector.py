"""The projector: soon, in order, once, whatever happens between."""

import asyncio
from pathlib import Path
from typing import Any, TypeVar

import pytest

from eventstore.database import Session
from eventstore.errors import StoreMissing, StoreUnavailable
from eventstore.event import Event
from eventstore.migrations import check, ensure
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from projections import project as projecting_once
from projections import projector as module
from projections.derive import Derived
from projections.errors import StaleGeneration
from projections.generations import check_not_behind, prepare_generation
from projections.tables import UndecodedRow
from tests.engines import damage, query
from tests.projections.stored import (
    append,
    differences,
    lived,
    portal,
    projecting,
    running,
    undecoded,
    unreadable,
)

PORTAL = portal()
PATIENCE = 20
"""Seconds after which what does not come to pass is taken never to."""

S = TypeVar("S", bound=Store)


@pytest.fixture
async def store(fresh: Store) -> Store:
    """A store whose log has five events that nobody can decode, and an empty generation."""
    return await with_events(fresh)


async def with_events(store: S) -> S:
    await ensure(store)
    await prepare_generation(store, 1)
    await append(store, PORTAL, unreadable(5))
    return store


async def crash(store: PostgresStore) -> None:
    """Cut all connections, and leave a generation as it was three events ago."""
    connection = await store.server.connect({"application_name": "a test"})
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid();"
        " DELETE FROM read_1.undecoded WHERE position > 2;"
        " UPDATE read_1.checkpoint SET position = 2"
    )
    await connection.close()


async def project_all(store: Store) -> None:
    async with projecting(store, PORTAL) as projector:
        await projector.catch_up()


async def test_it_goes_on_where_it_was_after_a_restart(store: Store) -> None:
    await project_all(store)
    await append(store, PORTAL, unreadable(2, begin=5))

    await project_all(store)

    assert [*await undecoded(store)] == [1, 2, 3, 4, 5, 6, 7]
    assert await query(store.generation(1), "SELECT position FROM checkpoint") == [(7,)]


async def test_a_defect_hides_one_event_and_an_interruption_then_hides_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Event by event, after a defect; cut off at the second; then again from where it was."""
    real, interruptions = projecting_once.project, iter([True])

    async def project(session: Any, portal_id: int, events: list[Event]) -> None:
        if len(events) > 1 or events[0].position == 4:
            raise ZeroDivisionError
        if events[0].position == 2 and next(interruptions, False):
            raise StoreUnavailable("for a moment")
        await real(session, portal_id, events)

    monkeypatch.setattr(module, "project", project)

    async with projecting(store, PORTAL) as projector:
        with pytest.raises(StoreUnavailable):
            await projector.step(PORTAL.id)
        assert await projector.step(PORTAL.id)

    reasons = await undecoded(store)
    assert [*reasons] == [1, 2, 3, 4, 5]
    assert [reason for reason in reasons.values() if "not projected" in reason] == [
        "not projected: ZeroDivisionError"
    ]


async def test_what_the_database_refuses_hides_one_event(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = projecting_once.project

    async def project(session: Session, portal_id: int, events: list[Event]) -> None:
        if events[-1].position >= 4:
            nothing: Any = None
            row = UndecodedRow(portal_id, 4, nothing)
            await projecting_once.record(session, Derived([], [], [], [row]))
        await real(session, portal_id, events)

    monkeypatch.setattr(module, "project", project)

    async with projecting(store, PORTAL) as projector:
        await projector.step(PORTAL.id)

    reasons = await undecoded(store)
    assert [*reasons] == [1, 2, 3, 4, 5]
    assert "not projected" in reasons[4]


async def test_a_log_that_went_back_is_noticed(store: Store) -> None:
    await project_all(store)
    await check_not_behind(store, [1])
    await damage(
        store.log, "DELETE FROM event WHERE position > 3", "UPDATE log_head SET position = 3"
    )

    with pytest.raises(StaleGeneration, match="the log ends at 3"):
        await check_not_behind(store, [1])
    assert [found.place for found in await differences(store, PORTAL)] == ["log_head"]


async def test_an_emptied_log_is_a_difference(store: Store) -> None:
    await project_all(store)
    await damage(store.log, "DELETE FROM event", "DELETE FROM log_head")

    assert [found.place for found in await differences(store, PORTAL)] == ["log_head"]


async def test_a_log_that_is_gone_is_noticed(store: Store) -> None:
    await project_all(store)
    await store.log.remove()

    with pytest.raises(StoreMissing):
        await check(store)
    with pytest.raises(StoreUnavailable):
        await check_not_behind(store, [1])
    with pytest.raises(StoreUnavailable):
        await differences(store, PORTAL)


@pytest.mark.postgresql
async def test_the_database_knows_soon_that_a_new_generation_has_rows(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Before it would look by itself. SQLite plans by what indexes there are."""
    store = PostgresStore(postgresql_url, tmp_path / "secret.key")
    await ensure(store)
    await prepare_generation(store, 1)
    await append(store, PORTAL, lived(1))

    await project_all(store)

    known = "SELECT relname FROM pg_class WHERE reltuples > 0 AND relkind = 'r'"
    tables = await query(store.generation(1), f"{known} AND relnamespace = 'read_1'::regnamespace")
    assert {("fact",), ("span",), ("message",), ("membership",)} <= {*tables}


@pytest.mark.postgresql
async def test_what_a_crash_took_is_projected_again(postgresql_url: str, tmp_path: Path) -> None:
    """Projecting does not wait for the disk on PostgreSQL, so its last commits may be lost.

    What SQLite loses, it loses with the whole machine, and this process.
    """
    store = await with_events(PostgresStore(postgresql_url, tmp_path / "secret.key"))
    async with projecting(store, PORTAL) as projector, running(projector):
        assert await projector.wait_for(PORTAL.id, 5, seconds=PATIENCE)

        await crash(store)
        async with asyncio.timeout(PATIENCE):
            while [*await undecoded(store)] != [1, 2, 3, 4, 5]:
                assert not await projector.wait_for(PORTAL.id, 6, seconds=0.1)
