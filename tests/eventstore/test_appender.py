"""The appender: many callers, one transaction, each with an outcome of its own."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from eventstore.appender import Appender
from eventstore.database import Pool
from eventstore.errors import StoreUnavailable
from eventstore.log import Outcome, Pending, SqliteLog
from tests.eventstore.factories import ORIGIN, new
from tests.eventstore.test_log import everything


async def test_concurrent_callers_share_commits_and_positions_have_no_gap(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    commits: list[int] = []

    def counted(batch: Sequence[Pending]) -> list[Outcome]:
        commits.append(len(batch))
        return sqlite_log.append(batch)

    appender = Appender(counted)

    outcomes = await asyncio.gather(
        *(appender.append(ORIGIN, new(f"webhook:{number}")) for number in range(200))
    )
    await appender.close()

    assert sorted(outcome.position for outcome in outcomes) == list(range(1, 201))
    assert len(commits) < 10
    assert sum(commits) == 200
    stored = await everything(reading)
    assert [stored[outcome.position - 1].key for outcome in outcomes] == [
        f"webhook:{number}" for number in range(200)
    ]


async def test_a_caller_is_answered_only_after_the_commit(sqlite_log: SqliteLog) -> None:
    may_commit = threading.Event()

    def slow(batch: Sequence[Pending]) -> list[Outcome]:
        assert may_commit.wait(10)
        return sqlite_log.append(batch)

    appender = Appender(slow)
    waiting = asyncio.create_task(appender.append(ORIGIN, new()))
    await asyncio.sleep(0.05)

    assert not waiting.done()

    may_commit.set()
    assert await waiting == Outcome("appended", 1)
    await appender.close()


async def test_one_bad_event_does_not_fail_its_neighbours(sqlite_log: SqliteLog) -> None:
    def picky(batch: Sequence[Pending]) -> list[Outcome]:
        if any(pending.event.key == "bad" for pending in batch):
            raise StoreUnavailable("no")
        return sqlite_log.append(batch)

    appender = Appender(picky)

    results = await asyncio.gather(
        *(appender.append(ORIGIN, new(key)) for key in ("a", "bad", "b", "c")),
        return_exceptions=True,
    )
    await appender.close()

    assert [type(result) for result in results] == [Outcome, StoreUnavailable, Outcome, Outcome]


async def test_a_caller_that_goes_away_does_not_take_its_event_along(
    sqlite_log: SqliteLog, reading: Pool
) -> None:
    appender = Appender(sqlite_log.append)
    leaving = asyncio.create_task(appender.append(ORIGIN, new("left")))
    staying = asyncio.create_task(appender.append(ORIGIN, new("stayed")))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).outcome == "appended"
    await appender.close()
    assert {event.key for event in await everything(reading)} == {"left", "stayed"}


async def test_a_closed_appender_takes_nothing(sqlite_log: SqliteLog) -> None:
    appender = Appender(sqlite_log.append)
    await appender.close()

    with pytest.raises(StoreUnavailable):
        await appender.append(ORIGIN, new())
