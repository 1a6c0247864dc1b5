"""A store of either engine, its log and its catalog."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventstore.appender import Appender
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.folder import Folder
from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from eventstore.spool import Spool
from eventstore.store import Store
from tests.eventstore.spooling import opened


@pytest.fixture
async def store(fresh: Store) -> Store:
    """A store with its tables, and nothing in them."""
    await ensure(fresh)
    return fresh


@pytest.fixture
async def appender(store: Store) -> AsyncIterator[Appender]:
    appender = await store.open_appender()
    yield appender
    await appender.close()


@pytest.fixture
async def reading(store: Store) -> AsyncIterator[Pool]:
    pool = Pool(store.log, 2)
    yield pool
    await pool.close()


@pytest.fixture
async def catalog(fresh: Store) -> AsyncIterator[Catalog]:
    catalog = await Catalog.open(fresh, create=True)
    yield catalog
    await catalog.close()


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def spool(spool_folder: Path) -> AsyncIterator[Spool]:
    async with opened(spool_folder) as spool:
        yield spool


@pytest.fixture
async def folder(tmp_path: Path) -> Folder:
    """An embedded store with its tables, for what only SQLite does."""
    folder = Folder(tmp_path / "data")
    await ensure(folder)
    return folder


@pytest.fixture
async def database(postgresql_url: str, tmp_path: Path) -> PostgresStore:
    """A store on PostgreSQL with its tables, for what only PostgreSQL does."""
    database = PostgresStore(postgresql_url, tmp_path / "secret.key")
    await ensure(database)
    return database
