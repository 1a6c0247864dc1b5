"""What only the PostgreSQL log has: connections that break, other writers, settings of a server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from eventstore.database import Pool
from eventstore.database.postgresql import BRIEF, PostgresServer, PostgresSession, explained
from eventstore.errors import StoreUnavailable, UnsafeDatabase
from eventstore.log import Outcome, Pending
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_log import PostgresLog
from eventstore.postgres_store import PostgresStore
from tests.engines import query
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.test_log import everything

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def log(database: PostgresStore) -> AsyncIterator[PostgresLog]:
    log = PostgresLog(database.server)
    yield log
    await log.close()


@pytest.fixture
async def reading(database: PostgresStore) -> AsyncIterator[Pool]:
    pool = Pool(database.log, 2)
    yield pool
    await pool.close()


@pytest.fixture
async def other(database: PostgresStore) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of somebody else, who may do everything."""
    connection = await asyncpg.connect(database.url)
    yield connection
    connection.terminate()


@dataclass(frozen=True)
class FlakyServer(PostgresServer):
    """A server whose next connections break at a commit: before it, or after it came to pass."""

    breaks: list[str] = field(default_factory=list)

    async def connect(self, *settings: Any, **options: Any) -> Any:
        return _Flaky(await super().connect(*settings, **options), self.breaks)


@dataclass
class _Flaky:
    connection: Any
    breaks: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    async def execute(self, text: str, *values: Any) -> Any:
        when = self.breaks.pop(0) if text.endswith("COMMIT") and self.breaks else None
        if when == "before":
            self.connection.terminate()
        answer = await self.connection.execute(text, *values)
        if when == "after":
            self.connection.terminate()
            raise ConnectionResetError
        if when == "shut down":
            self.connection.terminate()
            raise asyncpg.AdminShutdownError
        return answer


MERGE = "MERGE INTO log.event e USING log.log_head h ON e.portal_id = h.portal_id WHEN MATCHED THEN"
UPSERT = (
    "INSERT INTO log.event SELECT * FROM log.event"
    " ON CONFLICT (portal_id, position) DO UPDATE SET payload = ''"
)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE log.event",
        "TRUNCATE log.log_head",
        UPSERT,
        f"{MERGE} DELETE",
        f"{MERGE} UPDATE SET key = 'new'",
    ],
)
async def test_nothing_that_is_in_the_log_can_be_changed(
    log: PostgresLog, reading: Pool, other: "asyncpg.Connection[Any]", statement: str
) -> None:
    """The words that SQLite does not have; `test_log` has those that both do."""
    await log.append(ORIGIN, [new()])

    with pytest.raises(asyncpg.RaiseError, match="the log is immutable"):
        await other.execute(statement)

    assert len(await everything(reading)) == 1


async def test_every_commit_waits_for_its_sync(database: PostgresStore) -> None:
    """The counterpart of `PRAGMA synchronous`: whoever appends has it on, whatever others do."""
    async with PostgresLog(database.server)._connection() as connection:  # noqa: SLF001 - the setting is the promise
        settings = await connection.fetch(
            "SELECT setting FROM pg_settings"
            " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        )
        connection.terminate()

    assert [setting for (setting,) in settings] == ["on"] * 3


async def test_a_server_that_may_lose_commits_is_refused(
    database: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    name = await other.fetchval("SELECT current_database()")
    await other.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")

    with pytest.raises(UnsafeDatabase, match="synchronous_commit must be on"):
        await database.check_settings()
    with pytest.raises(UnsafeDatabase, match="synchronous_commit must be on"):
        await PostgresLog(database.server).append(ORIGIN, [new()])


async def test_many_that_append_at_once_share_positions_and_keys(
    database: PostgresStore, reading: Pool
) -> None:
    doors = [await database.open_appender() for _ in range(3)]

    outcomes = await asyncio.gather(
        *(door.append(ORIGIN, new(f"fetch:{number}")) for number in range(60) for door in doors)
    )
    for door in doors:
        await door.close()

    assert Counter(outcome.outcome for outcome in outcomes) == {"appended": 60, "duplicate": 120}
    stored = await everything(reading)
    assert len(stored) == 60
    for number in range(60):
        positions = {outcome.position for outcome in outcomes[number * 3 : number * 3 + 3]}
        assert [stored[position - 1].key for position in positions] == [f"fetch:{number}"]


async def test_portals_do_not_wait_for_each_other(
    log: PostgresLog, reading: Pool, other: "asyncpg.Connection[Any]"
) -> None:
    await log.append(ORIGIN, [new("a")])
    await other.execute("BEGIN; SELECT * FROM log.log_head WHERE portal_id = 1 FOR UPDATE")
    appender = PortalAppender(log.append, log.close)
    held = asyncio.create_task(appender.append(ORIGIN, new("b")))

    assert await appender.append(OTHER, new("b")) == Outcome("appended", 1)

    assert not held.done()
    await other.execute("ROLLBACK")
    assert await held == Outcome("appended", 2)


async def test_a_head_that_stays_locked_is_an_error_and_the_log_goes_on_later(
    log: PostgresLog,
    reading: Pool,
    other: "asyncpg.Connection[Any]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BRIEF, "lock_timeout", "20ms")
    await log.append(ORIGIN, [new("a")])
    await other.execute("BEGIN; SELECT * FROM log.log_head FOR UPDATE")

    with pytest.raises(StoreUnavailable, match="lock timeout"):
        await log.append(ORIGIN, [new("b")])

    await other.execute("ROLLBACK")
    assert await log.append(ORIGIN, [new("b")]) == [Outcome("appended", 2)]
    assert len(await everything(reading)) == 2


async def test_who_freezes_with_a_head_in_hand_loses_it(
    database: PostgresStore, reading: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PostgresLog(database.server)
    await log.append(ORIGIN, [new("a")])
    with monkeypatch.context() as impatient:
        impatient.setitem(BRIEF, "idle_in_transaction_session_timeout", "50ms")
        frozen = await log._connect()  # noqa: SLF001 - it stops in the middle of an append
    await frozen.execute("SET application_name = 'a test'")
    await frozen.execute("BEGIN; SELECT * FROM log.log_head FOR UPDATE")

    assert await log.append(ORIGIN, [new("b")]) == [Outcome("appended", 2)]

    with pytest.raises(StoreUnavailable), explained(database.server):
        await frozen.execute("COMMIT")
    frozen.terminate()
    await log.close()
    assert len(await everything(reading)) == 2


async def test_a_connection_that_was_cut_is_made_again(
    database: PostgresStore, log: PostgresLog, reading: Pool, other: "asyncpg.Connection[Any]"
) -> None:
    for key in ("a", "b", "c"):
        assert (await log.append(ORIGIN, [new(key)]))[0].outcome == "appended"
        assert len(await everything(reading))
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    assert await query(database.log, "SELECT count(*) FROM event") == [(3,)]


@pytest.mark.parametrize("breaks", [["before"], ["after"], ["shut down"]])
async def test_a_commit_in_doubt_is_decided_by_what_is_there(
    database: PostgresStore, reading: Pool, breaks: list[str]
) -> None:
    log = PostgresLog(FlakyServer(database.url, breaks))

    outcomes = await log.append(ORIGIN, [new("a"), new("b")])
    more = await log.append(ORIGIN, [new("c")])
    await log.close()

    assert breaks == []
    assert outcomes == [Outcome("appended", 1), Outcome("appended", 2)]
    assert more == [Outcome("appended", 3)]
    assert [event.key for event in await everything(reading)] == ["a", "b", "c"]


@pytest.mark.parametrize("breaks", [["before", "before"], ["before", "after"]])
async def test_a_commit_that_stays_in_doubt_is_no_acknowledgement(
    database: PostgresStore, reading: Pool, breaks: list[str]
) -> None:
    log = PostgresLog(FlakyServer(database.url, breaks))

    with pytest.raises(StoreUnavailable):
        await log.append(ORIGIN, [new("a")])
    again = await log.append(ORIGIN, [new("a")])
    await log.close()

    assert again[0].position == 1
    assert [event.key for event in await everything(reading)] == ["a"]


async def test_a_database_that_is_down_is_asked_once_for_all_who_wait() -> None:
    """Each of two thousand callers in turn would wait as long as the first."""
    asked: list[int] = []

    async def down(_origin: object, events: Any) -> list[Outcome]:
        asked.append(len(events))
        raise StoreUnavailable("down")

    async def close() -> None:
        """There is nothing to close."""

    appender = PortalAppender(down, close)
    results = await asyncio.gather(
        *(appender.append_all([Pending(ORIGIN, new(f"webhook:{n}"))]) for n in range(9)),
        return_exceptions=True,
    )
    await appender.close()

    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert sum(asked) == 9
    assert len(asked) == 1


async def test_a_log_whose_rows_nobody_has_counted_is_read_by_its_keys(
    database: PostgresStore, log: PostgresLog
) -> None:
    """As just after an import: the server would rather sort the whole log for every page."""
    events = [new(f"webhook:{number}") for number in range(3_000)]
    await log.append(ORIGIN, events)

    session = await database.log.open_reader()
    assert isinstance(session, PostgresSession)
    keys = [event.key for event in events[:200]]
    page = "SELECT * FROM event WHERE portal_id = 1 AND position > 500 ORDER BY position LIMIT 2000"
    found = "SELECT position FROM event WHERE portal_id = 1 AND key = ANY ($1)"
    plans = [
        await session.connection.fetch(f"EXPLAIN {page}"),
        await session.connection.fetch(f"EXPLAIN {found}", keys),
    ]
    await session.close()

    for plan in plans:
        spelled = "\n".join(line[0] for line in plan)
        assert "Index Scan" in spelled
        assert not any(other in spelled for other in ("Seq Scan", "Bitmap", "Sort"))
