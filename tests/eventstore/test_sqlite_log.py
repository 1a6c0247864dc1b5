"""What only the SQLite log has: a sync of its own file, a lock on it, and INSERT OR REPLACE."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from eventstore.database import Pool
from eventstore.errors import StoreUnavailable
from eventstore.folder import Folder
from eventstore.log import Outcome, Pending
from eventstore.sqlite_log import SqliteLog
from eventstore.thread_appender import ThreadAppender
from tests.eventstore.factories import ORIGIN, new
from tests.eventstore.test_log import everything, of

THE_REST = (
    "source, receiver, sequence, event_type, received_at, sent_at, payload, salt, commitment, leaf"
    " FROM event"
)


@pytest.fixture
def sqlite_log(folder: Folder) -> Iterator[SqliteLog]:
    log = SqliteLog(folder.log.path)
    log.open()
    yield log
    log.close()


@pytest.fixture
async def reading(folder: Folder) -> AsyncIterator[Pool]:
    pool = Pool(folder.log, 2)
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT OR REPLACE INTO event SELECT portal_id, position, 'new', {THE_REST}",
        f"INSERT OR REPLACE INTO event SELECT portal_id, position + 9, key, {THE_REST}",
    ],
)
def test_nothing_that_is_in_the_log_can_be_replaced(sqlite_log: SqliteLog, statement: str) -> None:
    """SQLite deletes what it replaces without asking the trigger; PostgreSQL has no such words."""
    sqlite_log.append([of(new())])
    connection = sqlite3.connect(sqlite_log.path)

    with pytest.raises(sqlite3.IntegrityError, match="the log is immutable"):
        connection.execute(statement)

    connection.close()


def test_the_log_syncs_every_commit(sqlite_log: SqliteLog) -> None:
    connection = sqlite_log._connection  # noqa: SLF001 - the setting is the promise
    assert connection is not None

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_log_that_cannot_be_written_says_so_and_goes_on_later(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    sqlite_log.append([of(new("a"))])
    blocker = sqlite3.connect(sqlite_log.path, timeout=0, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    sqlite_log._connection.execute("PRAGMA busy_timeout=10")  # type: ignore[union-attr]  # noqa: SLF001

    with pytest.raises(StoreUnavailable):
        sqlite_log.append([of(new("b"))])

    blocker.execute("ROLLBACK")
    blocker.close()
    assert sqlite_log.append([of(new("b"))]) == [Outcome("appended", 2)]
    assert len(await everything(reading)) == 2


async def test_a_file_that_is_gone_is_not_made_by_who_reads_it(folder: Folder) -> None:
    await folder.log.remove()
    pool = Pool(folder.log, 1)

    with pytest.raises(StoreUnavailable):
        async with pool.reading():
            pass

    assert not folder.log.path.exists()


async def test_a_file_that_refuses_one_caller_takes_the_others(sqlite_log: SqliteLog) -> None:
    """Trying again costs a file no more than the first time; see the log of PostgreSQL."""

    def picky(batch: Sequence[Pending]) -> list[Outcome]:
        if any(pending.event.key == "bad" for pending in batch):
            raise StoreUnavailable("no")
        return sqlite_log.append(batch)

    appender = ThreadAppender(picky)
    results = await asyncio.gather(
        *(appender.append(ORIGIN, new(key)) for key in ("a", "bad", "b", "c")),
        return_exceptions=True,
    )
    await appender.close()

    assert [type(result) for result in results] == [Outcome, StoreUnavailable, Outcome, Outcome]
