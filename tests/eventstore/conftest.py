"""A folder of files, a log and a catalog in it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.folder import Folder
from eventstore.log import SqliteLog
from eventstore.spool import Spool
from tests.eventstore.spooling import opened


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


@pytest.fixture
def sqlite_log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db")
    log.open()
    yield log
    log.close()


@pytest.fixture
async def reading(sqlite_log: SqliteLog) -> AsyncIterator[Pool]:
    pool = Pool(sqlite_log.path, 2)
    yield pool
    await pool.close()


@pytest.fixture
async def catalog(folder: Folder) -> AsyncIterator[Catalog]:
    catalog = await folder.open_catalog()
    yield catalog
    await catalog.close()


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def spool(spool_folder: Path) -> AsyncIterator[Spool]:
    async with opened(spool_folder) as spool:
        yield spool
