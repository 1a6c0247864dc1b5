"""Stores that have the samples' portal already: each test gets a copy of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from tests import samples
from tests.engines import ENGINES
from tests.postgresql.databases import Databases
from tests.promises.server import Registered, Served, register, serving_again

Copied = Callable[[Path], AbstractAsyncContextManager[Registered]]
"""Gives a copy, which may use a folder for its files."""


@pytest.fixture(scope="session")
def portal_folder(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    """A store on SQLite that was served once, so that it has all of its tables."""
    folder = Folder(tmp_path_factory.mktemp("registered"))
    registered = asyncio.run(_prepared(folder))

    @asynccontextmanager
    async def copied(path: Path) -> AsyncIterator[Registered]:
        shutil.copytree(folder.path, path / "data")
        yield replace(registered, store=Folder(path / "data"))

    return copied


@pytest.fixture(scope="session")
def portal_database(postgresql: Databases, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    """The same on PostgreSQL."""
    key_file = tmp_path_factory.mktemp("registered") / "secret.key"
    template = f"registered_{uuid4().hex}"  # each worker of the tests has its own key
    registered: list[Registered] = []

    async def fill(url: str) -> None:
        registered.append(await _prepared(PostgresStore(url, key_file)))

    @asynccontextmanager
    async def copied(_path: Path) -> AsyncIterator[Registered]:
        async with postgresql.database(template) as url:
            yield replace(registered[0], store=PostgresStore(url, key_file))

    asyncio.run(postgresql.prepare(template, fill))
    return copied


@pytest.fixture(scope="session", params=ENGINES)
def with_portal(request: pytest.FixtureRequest) -> Copied:
    """Give copies of a store that has the samples' portal, and no event."""
    names = {"sqlite": "portal_folder", "postgresql": "portal_database"}
    found: Copied = request.getfixturevalue(names[request.param])
    return found


@pytest.fixture
async def registered(with_portal: Copied, tmp_path: Path) -> AsyncIterator[Registered]:
    """A store that has the samples' portal, and no event."""
    async with with_portal(tmp_path) as copy:
        yield copy


@pytest.fixture
async def projected(registered: Registered) -> Registered:
    """A store with one message, which its read models have, and no server."""
    async with serving_again(registered) as server:
        await server.hook(samples.sample("legacy/onimbotmessageadd.form"))
        await server.state.live.catch_up()
    return registered


@pytest.fixture
async def served(registered: Registered) -> AsyncIterator[Served]:
    """A server on such a store."""
    async with serving_again(registered) as server:
        yield server


@pytest.fixture(scope="module")
async def shared(
    with_portal: Copied, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A server on such a store, for tests that leave nothing there but in portals of their own."""
    async with (
        with_portal(tmp_path_factory.mktemp("shared")) as copy,
        serving_again(copy) as server,
    ):
        yield server


async def _prepared(store: Store) -> Registered:
    registered = await register(store)
    async with serving_again(registered):
        pass
    return registered
