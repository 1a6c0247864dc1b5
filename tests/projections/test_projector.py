"""The projector: soon, in order, once, whatever happens between."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.event import Event
from eventstore.folder import Folder
from eventstore.log import Pending, SqliteLog
from projections import project as projecting_once
from projections import projector as module
from projections.errors import StaleGeneration
from projections.generations import check_not_behind, open_generation
from projections.projector import Projector
from projections.verify import verify_log, verify_read_models
from tests.eventstore.factories import new

PORTAL = Portal(1, "acme", "m", None, 1, b"k" * 32)


def unread(_done: int, _total: int) -> None:
    """Nobody watches the progress."""


@asynccontextmanager
async def projecting(folder: Folder) -> AsyncIterator[Projector]:
    log = Pool(folder.log, 1)
    generation = await open_generation(folder.generation(1))
    try:
        yield Projector(log, generation, lambda: [PORTAL.id])
    finally:
        await generation.close()
        await log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder whose log has five events that nobody can decode."""
    folder = Folder(tmp_path)
    append(folder, 5)
    return folder


def append(folder: Folder, count: int, begin: int = 0) -> None:
    log = SqliteLog(folder.log)
    log.append(
        [
            Pending(PORTAL.origin, new(f"webhook:{begin + number}", event_type="ONNOTHING"))
            for number in range(count)
        ]
    )
    log.close()


def query(folder: Folder, text: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder.generation(1))
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


async def test_it_goes_on_where_it_was_after_a_restart(folder: Folder) -> None:
    async with projecting(folder) as projector:
        await projector.catch_up()
    append(folder, 2, begin=5)

    async with projecting(folder) as projector:
        await projector.catch_up()

    assert query(folder, "SELECT position FROM undecoded") == [(n,) for n in range(1, 8)]
    assert query(folder, "SELECT position FROM checkpoint") == [(7,)]


async def test_a_defect_hides_one_event_and_an_interruption_then_hides_none(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Event by event, after a defect; cut off at the second; then again from where it was."""
    real, interruptions = projecting_once.project, iter([True])

    async def project(session: Any, portal_id: int, events: list[Event]) -> None:
        if len(events) > 1 or events[0].position == 4:
            raise ZeroDivisionError
        if events[0].position == 2 and next(interruptions, False):
            raise sqlite3.OperationalError
        await real(session, portal_id, events)

    monkeypatch.setattr(module, "project", project)

    async with projecting(folder) as projector:
        with pytest.raises(sqlite3.OperationalError):
            await projector.step(PORTAL.id)
        assert await projector.step(PORTAL.id)

    reasons = query(folder, "SELECT position, reason FROM undecoded ORDER BY position")
    assert [position for position, _ in reasons] == [1, 2, 3, 4, 5]
    assert [reason for _, reason in reasons if "not projected" in reason] == [
        "not projected: ZeroDivisionError"
    ]


async def test_a_log_that_went_back_is_noticed(folder: Folder) -> None:
    async with projecting(folder) as projector:
        await projector.catch_up()
    await check_not_behind(folder, 1)
    for path in folder.path.glob("log.db*"):
        path.unlink()
    append(folder, 3)

    with pytest.raises(StaleGeneration, match="the log ends at 3"):
        await check_not_behind(folder, 1)
    differences = [found async for found in verify_read_models(folder, 1, [PORTAL], unread)]
    assert [found.place for found in differences] == ["log_head"]


async def test_a_log_that_is_gone_is_a_difference(folder: Folder) -> None:
    async with projecting(folder) as projector:
        await projector.catch_up()
    for path in folder.path.glob("log.db*"):
        path.unlink()

    differences = [found async for found in verify_read_models(folder, 1, [PORTAL], unread)]

    assert [found.place for found in differences] == ["log_head"]
    assert not [found async for found in verify_log(folder, [PORTAL], unread)]
