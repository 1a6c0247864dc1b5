"""A session on a set of tables, and a pool of sessions: the same words, whatever the engine."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy import text as verbatim

from eventstore.database import (
    Pairs,
    Place,
    Pool,
    Session,
    greatest,
    least,
    one_of,
    pair_of,
    planned_once,
    text,
    upsert,
)
from eventstore.database.postgresql import PostgresSession
from eventstore.database.session import STREAMED
from eventstore.database.sqlite import SqliteFile
from eventstore.errors import StoreUnavailable
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from tests.engines import on_postgresql, query, step_aside

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("a", Integer, primary_key=True, autoincrement=False),
    Column("b", BigInteger, primary_key=True, autoincrement=False),
    Column("word", text()),
    Column("raw", LargeBinary),
    Index("thing_word", "word"),
)
ALL = select(THING).order_by(THING.c.a, THING.c.b)
ROWS: list[tuple[Any, ...]] = [
    (1, 1, "one", b"\x00\xff"),
    (1, 2, None, None),
    (2, 2**62, "ä\U0001f680", b""),
]

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""Ends all other connections to a PostgreSQL database."""

DEFECTS = (sqlite3.IntegrityError, asyncpg.UniqueViolationError)


@pytest.fixture
def place(fresh: Store) -> Place:
    """A place where nothing was made yet."""
    fresh.prepare()
    return fresh.generation(9)


@pytest.fixture
async def session(place: Place) -> AsyncIterator[Session]:
    """A session that writes, and a table."""
    session = await place.open_writer()
    await session.create(METADATA, indexes=True)
    yield session
    await session.close()


@pytest.fixture
async def pool(session: Session, place: Place) -> AsyncIterator[Pool]:
    pool = Pool(place, 1)
    yield pool
    await pool.close()


async def test_rows_come_back_as_they_went_in(session: Session) -> None:
    await session.insert(THING, ROWS)

    assert [tuple(row) for row in await session.rows(ALL)] == ROWS


async def test_texts_are_ordered_by_their_bytes(session: Session) -> None:
    words = ["B", "a", "Z", "ä", "_", "10", "9", "\U0001f680", "\uffff"]
    await session.insert(THING, [(0, number, word, None) for number, word in enumerate(words)])

    found = await session.rows(select(THING.c.word).order_by(THING.c.word))

    assert [word for (word,) in found] == sorted(words)


@pytest.mark.postgresql
async def test_texts_are_ordered_so_whatever_the_locale_of_a_database(
    database: PostgresStore,
) -> None:
    """SQLite has no locale, and the databases of the tests have none that orders otherwise."""
    columns = (
        "SELECT attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace"
        " AND atttypid = 'text'::regtype AND attcollation <> 'pg_catalog.\"C\"'::regcollation"
    )

    for place in (database.log, database.catalog):
        assert await query(place, columns) == []
        every = columns.replace("<>", "=")
        assert len(await query(place, every)) > 4


async def test_a_stream_gives_all_rows_some_at_a_time(session: Session) -> None:
    count = 2 * STREAMED + 1
    async with session.transaction():
        await session.insert(THING, [(0, number, None, None) for number in range(count)])

    async with session.transaction():
        sizes = [
            len(rows)
            async for rows in session.stream(
                select(THING.c.b).where(THING.c.a == bindparam("a")), a=0
            )
        ]

    assert sizes == [STREAMED, STREAMED, 1]


async def test_one_statement_runs_for_many_values(session: Session) -> None:
    await session.run_many(insert(THING), ROWS)

    await session.run(
        update(THING).where(THING.c.a == bindparam("which")).values(word=bindparam("said")),
        which=1,
        said="all",
    )
    await session.run(delete(THING).where(THING.c.b == bindparam("gone")), gone=2)

    found = await session.rows(select(THING.c.word).order_by(THING.c.a))
    assert [word for (word,) in found] == ["all", "ä\U0001f680"]


@pytest.mark.parametrize(("listed", "found"), [([], []), ([2, 9], [2]), ([1, 2], [1, 1, 2])])
async def test_a_column_is_one_of_a_list(
    session: Session, listed: list[int], found: list[int]
) -> None:
    await session.insert(THING, ROWS)
    statement = select(THING.c.a).where(one_of(THING.c.a, "listed")).order_by(THING.c.a)

    assert [a for (a,) in await session.rows(statement, listed=listed)] == found


async def test_two_columns_are_one_of_some_pairs(session: Session) -> None:
    await session.insert(THING, ROWS)
    statement = select(THING.c.b).where(pair_of(THING.c.a, THING.c.b, "pairs")).order_by(THING.c.b)

    found = await session.rows(statement, pairs=Pairs([(1, 2), (2, 2**62), (2, 1)]))
    none = await session.rows(statement, pairs=Pairs())

    assert [b for (b,) in found] == [2, 2**62]
    assert none == []


async def test_an_upsert_keeps_minima_and_maxima(session: Session) -> None:
    statement = upsert(THING).values(a=bindparam("a"), b=bindparam("b"), word=bindparam("word"))
    new = statement.excluded
    least_word = statement.on_conflict_do_update(
        index_elements=THING.primary_key, set_={"word": least(THING.c.word, new.word)}
    )
    greatest_word = statement.on_conflict_do_update(
        index_elements=THING.primary_key, set_={"word": greatest(THING.c.word, new.word)}
    )
    for word in "bac":
        await session.run(least_word, a=0, b=1, word=word)
        await session.run(greatest_word, a=0, b=2, word=word)
        await session.run(statement.on_conflict_do_nothing(), a=0, b=3, word=word)

    found = await session.rows(select(THING.c.word).order_by(THING.c.b))
    assert [word for (word,) in found] == ["a", "c", "b"]


async def test_a_transaction_is_kept_whole_or_not_at_all(session: Session) -> None:
    await session.insert(THING, ROWS[:1])

    async def insert_all(*parts: list[tuple[Any, ...]]) -> None:
        async with session.transaction():
            for rows in parts:
                await session.insert(THING, rows)

    with pytest.raises(DEFECTS):
        await insert_all(ROWS[1:], ROWS[:1])

    assert [tuple(row) for row in await session.rows(ALL)] == ROWS[:1]
    await insert_all(ROWS[1:2], ROWS[2:])
    assert [tuple(row) for row in await session.rows(ALL)] == ROWS


async def test_a_moment_does_not_see_what_comes_later(session: Session, pool: Pool) -> None:
    await session.insert(THING, ROWS[:1])

    async with pool.reading() as reader:
        before = len(await reader.rows(ALL))
        await session.insert(THING, ROWS[1:])
        after = len(await reader.rows(ALL))
    async with pool.reading() as reader:
        later = len(await reader.rows(ALL))

    assert (before, after, later) == (1, 1, 3)


PLANNED = (
    "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
    " WHERE statement LIKE 'SELECT read%{}%'"
)


@on_postgresql
async def test_what_is_planned_once_is_so_from_the_first_time_on_and_nothing_else_is(
    session: Session,
) -> None:
    """SQLite plans everything once, for all values."""
    once = planned_once(select(THING.c.raw).where(THING.c.a == bindparam("a")))
    each = select(THING.c.word).where(THING.c.a == bindparam("a"))

    async def in_vain() -> None:
        async with session.moment():
            await session.rows(once, a=3)
            raise TypeError

    for a in range(3):
        async with session.moment():
            await session.rows(once, a=a)
            await session.rows(each, a=a)
    with pytest.raises(TypeError):  # takes back what was set
        await in_vain()
    await session.rows(once, a=4)
    async with session.moment():
        assert [rows async for rows in session.stream(each, a=3)] == []

    await step_aside(session)
    assert await session.rows(verbatim(PLANNED.format("thing.raw"))) == [(5, 0)]
    assert await session.rows(verbatim(PLANNED.format("thing.word"))) == [(0, 4)]


async def test_who_reads_cannot_write(session: Session, place: Place) -> None:
    reader = await place.open_reader()

    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        await reader.insert(THING, ROWS)

    await reader.close()
    assert await session.rows(ALL) == []


async def test_writers_are_kept_out_until_the_end(session: Session, place: Place) -> None:
    other = await place.open_writer()

    async with session.transaction():
        await session.keep_out_writers(METADATA)
        writing = asyncio.create_task(other.insert(THING, ROWS[1:]))
        await asyncio.sleep(0.05)
        assert not writing.done()
        assert await query(place, "SELECT * FROM thing") == []
        await session.insert(THING, ROWS[:1])

    await writing
    await other.close()
    assert [tuple(row) for row in await session.rows(ALL)] == ROWS


async def test_a_place_is_there_from_its_first_table_until_it_is_removed(place: Place) -> None:
    before = await place.exists()
    session = await place.open_writer()
    still_empty = await place.exists()
    await session.create(METADATA, indexes=True)
    made = await place.exists(), await place.size()
    await session.close()

    await place.remove()

    assert (before, still_empty) == (False, False)
    assert made[0]
    assert made[1] > 0
    assert not await place.exists()
    assert await place.size() == 0
    await place.remove()


async def test_nothing_is_written_where_nothing_was_made(place: Place) -> None:
    session = await place.open_writer()

    with pytest.raises(StoreUnavailable):
        await session.insert(THING, ROWS)
    with pytest.raises(StoreUnavailable):
        await session.run_many(insert(THING), ROWS)
    with pytest.raises(StoreUnavailable):
        await session.rows(ALL)

    await session.close()


async def test_tables_are_made_where_they_are_missing(session: Session) -> None:
    await session.insert(THING, ROWS)

    await session.create(METADATA, indexes=False)
    await session.create_indexes(METADATA.sorted_tables)
    await session.settle()

    assert len(await session.rows(ALL)) == 3


async def test_a_number_is_put_on_the_whole(session: Session, place: Place) -> None:
    before = await session.stamp()
    await session.set_stamp(7)

    reader = await place.open_reader()
    after = await reader.stamp()
    await reader.close()

    assert (before, after) == (0, 7)


async def test_what_can_be_made_again_is_written_all_the_same(place: Place) -> None:
    session = await place.open_writer(rebuildable=True)
    await session.create(METADATA, indexes=False)
    await session.insert(THING, ROWS)
    await session.create_indexes(METADATA.sorted_tables)
    await session.settle()
    await session.close()

    assert await query(place, "SELECT count(*) FROM thing") == [(3,)]


async def test_what_is_built_is_sorted_in_files_however_much_it_is(tmp_path: Path) -> None:
    session = await SqliteFile(tmp_path / "built.db").open_writer(rebuildable=True)
    in_files = 1

    assert await session.rows(verbatim("PRAGMA temp_store")) == [(in_files,)]
    await session.close()


async def test_a_pool_lends_as_many_as_it_has(pool: Pool) -> None:
    lent = asyncio.Event()
    back = asyncio.Event()

    async def hold() -> None:
        async with pool.reading():
            lent.set()
            await back.wait()

    async def ask() -> None:
        async with pool.reading():
            pass

    holding = asyncio.create_task(hold())
    await lent.wait()
    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.02)

    assert not asking.done()
    back.set()
    await asyncio.gather(holding, asking)


async def test_a_reader_that_goes_away_leaves_no_moment_behind(
    session: Session, pool: Pool
) -> None:
    """At whatever step it goes: nobody gets its session in the middle of something."""

    async def read() -> int:
        async with pool.reading() as reader:
            return len(await reader.rows(ALL))

    await read()
    for steps in range(24):
        leaving = asyncio.create_task(read())
        for _ in range(steps):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        await session.insert(THING, [(0, steps, None, None)])

        assert await read() == steps + 1


@pytest.mark.postgresql
async def test_a_session_whose_connection_was_cut_is_replaced(database: PostgresStore) -> None:
    """A file has no connection to be cut; a server that was restarted has forgotten all of them."""
    pool = Pool(database.log, 1)

    async def read(*, cut: bool) -> Session:
        async with pool.reading() as session:
            if cut:
                await query(database.catalog, CUT)
            await session.stamp()
            return session

    with pytest.raises(StoreUnavailable):
        await read(cut=True)
    one = await read(cut=False)
    assert isinstance(one, PostgresSession)
    heard = asyncio.Event()
    one.connection.add_termination_listener(lambda _: heard.set())
    await query(database.catalog, CUT)
    await asyncio.wait_for(heard.wait(), 30)
    other = await read(cut=False)
    await pool.close()

    assert other is not one


@pytest.mark.postgresql
async def test_a_connection_that_is_cut_between_transactions_is_no_defect_of_ours(
    database: PostgresStore,
) -> None:
    session = await database.log.open_writer()
    await session.close()

    for begin in (session.transaction, session.moment):
        with pytest.raises(StoreUnavailable):
            async with begin():
                pass
