"""Hints that something was appended: heard by every process on a database, promised to nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from eventstore import wakeups as module
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from eventstore.wakeups import Wakeups
from tests.engines import query

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

Open = Callable[[], tuple[Wakeups, asyncio.Event]]


@pytest.fixture
async def process(database: PostgresStore) -> AsyncIterator[Open]:
    """How a process listens, and what it hears."""
    opened: list[Wakeups] = []

    def listen() -> tuple[Wakeups, asyncio.Event]:
        heard = asyncio.Event()
        opened.append(database.open_wakeups(heard.set))
        return opened[-1], heard

    yield listen
    for wakeups in opened:
        await wakeups.close()


async def until_heard(telling: Wakeups, heard: asyncio.Event) -> None:
    """Tell, again and again: a hint may be lost while a connection is made."""
    async with asyncio.timeout(30):
        while not heard.is_set():
            telling.tell()
            await asyncio.sleep(0.02)


@pytest.mark.postgresql
async def test_what_one_process_tells_another_hears(process: Open) -> None:
    (one, _), (_, heard) = process(), process()

    await until_heard(one, heard)


@pytest.mark.postgresql
async def test_a_process_that_lost_its_connection_hears_again(
    database: PostgresStore, process: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.01)
    (one, heard_by_one), (other, heard) = process(), process()
    await until_heard(one, heard)
    await until_heard(other, heard_by_one)

    await query(database.catalog, CUT)
    heard.clear()
    heard_by_one.clear()

    await until_heard(one, heard)
    await until_heard(other, heard_by_one)


async def test_telling_waits_for_nobody_and_the_end_for_no_connection(store: Store) -> None:
    """On SQLite, the one process that appends also projects: there is nobody to tell."""
    wakeups = store.open_wakeups(lambda: None)

    wakeups.tell()
    async with asyncio.timeout(30):
        await wakeups.close()


@pytest.mark.postgresql
async def test_a_database_that_is_away_is_no_error(tmp_path: Path) -> None:
    away = PostgresStore("postgresql://nobody@127.0.0.1:1/nothing", tmp_path / "secret.key")
    wakeups = away.open_wakeups(lambda: None)

    wakeups.tell()
    await asyncio.sleep(0.05)

    await wakeups.close()
