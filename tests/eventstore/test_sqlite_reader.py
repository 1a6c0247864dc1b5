"""Reading a SQLite file: at once what is quick, in a thread what is slow, and nobody waits."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import TextClause, text

from eventstore.database import Pool, Session, sqlite_reader
from eventstore.database.sqlite import SqliteFile

PATIENCE = 30
_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :upto) SELECT "
SLOW = text(f"{_COUNT} max(i) FROM n")
SLOW_OF_THINGS = text(f"{_COUNT} (SELECT count(*) FROM thing), max(i) FROM n")  # noqa: S608 - ours
FOR_EVER = 10**12
QUICK = text("SELECT b FROM thing ORDER BY b")


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Session]:
    """A session that reads two rows."""
    file = SqliteFile(tmp_path / "read-1.db")
    writer = await file.open_writer()
    await writer.execute("CREATE TABLE thing (b)")
    await writer.execute("INSERT INTO thing VALUES (1), (2)")
    session = await file.open_reader()
    yield session
    await session.close()
    await writer.close()


def reading_threads() -> int:
    """How many threads read for somebody."""
    return sum(thread.name.startswith("sqlite-reader") for thread in threading.enumerate())


async def test_what_is_quick_needs_no_thread(reader: Session) -> None:
    assert await reader.rows(QUICK) == [(1,), (2,)]
    assert reading_threads() == 0


async def test_who_is_alone_reads_what_is_slow_without_a_thread(
    reader: Session, tmp_path: Path
) -> None:
    alone = await SqliteFile(tmp_path / "read-1.db").open_reader(alone=True)

    assert await alone.rows(SLOW, upto=1_000_000) == [(1_000_000,)]
    assert reading_threads() == 0
    await alone.close()


async def test_what_is_slow_holds_nobody_up(reader: Session) -> None:
    reading = asyncio.create_task(reader.rows(SLOW, upto=3_000_000))
    turns = 0

    async with asyncio.timeout(PATIENCE):
        while not reading.done():
            turns += 1
            await asyncio.sleep(0.001)

    assert await reading == [(3_000_000,)]
    assert turns > 10


async def test_who_does_nothing_but_read_lets_others_in(reader: Session, tmp_path: Path) -> None:
    pool = Pool(SqliteFile(tmp_path / "read-1.db"), 1)
    other = asyncio.create_task(asyncio.sleep(0))

    for _ in range(2):
        async with pool.reading() as session:
            await session.rows(QUICK)

    assert other.done()
    await pool.close()


async def test_what_was_slow_goes_to_the_thread_at_once(
    reader: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reader.rows(SLOW, upto=1_000_000)
    assert reading_threads() == 1
    reading = asyncio.create_task(reader.rows(SLOW, upto=1))

    await asyncio.sleep(0)

    assert not reading.done()
    assert await reading == [(1,)]


@pytest.mark.parametrize("again", [QUICK, SLOW])
async def test_a_slow_statement_that_nobody_waits_for_ends(
    reader: Session, again: TextClause
) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), reader.moment():
                await reader.rows(SLOW, upto=FOR_EVER)

        assert await reader.rows(again, **({} if again is QUICK else {"upto": 2}))


async def test_a_moment_begins_and_ends_however_late_it_is(
    reader: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite looks at the clock when a thousand steps of a statement are done, all times counted.

    That may be when the moment has begun, or ended: it cannot do so again.
    """
    monkeypatch.setattr(sqlite_reader, "_QUICK", -1)
    late = await SqliteFile(tmp_path / "read-1.db").open_reader()

    for _ in range(1_000):
        async with late.moment():
            pass
    await late.close()

    assert reading_threads() == 0


async def test_one_moment_is_seen_by_the_slow_and_the_quick(
    reader: Session, tmp_path: Path
) -> None:
    other = await SqliteFile(tmp_path / "read-1.db").open_writer()

    async with reader.moment():
        before = await reader.rows(QUICK)
        await other.execute("INSERT INTO thing VALUES (3)")
        ((counted, _),) = await reader.rows(SLOW_OF_THINGS, upto=1_000_000)
    await other.close()

    assert (len(before), counted) == (2, 2)
    assert len(await reader.rows(QUICK)) == 3
