"""The appender: many callers, one transaction, each with an outcome of its own."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from eventstore.appender import Appender
from eventstore.database import Pool
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.folder import Folder
from eventstore.log import Origin, Outcome, Pending
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_log import PostgresLog
from eventstore.postgres_store import PostgresStore
from eventstore.sqlite_log import SqliteLog
from eventstore.store import Store
from eventstore.thread_appender import ThreadAppender
from tests.eventstore.factories import ORIGIN, OTHER, new
from tests.eventstore.test_log import everything

Before = Callable[[Sequence[NewEvent]], None]
"""What happens before a transaction, in a thread that may wait."""


def appender_of(store: Store, before: Before) -> Appender:
    """Return the appender of a store, over its own log, with something before each commit."""
    if isinstance(store, Folder):
        file = SqliteLog(store.log.path)

        def commit(batch: Sequence[Pending]) -> list[Outcome]:
            before([pending.event for pending in batch])
            return file.append(batch)

        return ThreadAppender(commit, file.close)
    assert isinstance(store, PostgresStore)
    log = PostgresLog(store.server)

    async def append(origin: Origin, events: Sequence[NewEvent]) -> list[Outcome]:
        await asyncio.to_thread(before, events)
        return await log.append(origin, events)

    return PortalAppender(append, log.close)


async def test_concurrent_callers_share_commits_and_positions_have_no_gap(
    store: Store, reading: Pool
) -> None:
    commits: list[int] = []
    appender = appender_of(store, lambda events: commits.append(len(events)))

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


async def test_a_caller_is_answered_only_after_the_commit(store: Store) -> None:
    may_commit = threading.Event()

    def slow(_events: Sequence[NewEvent]) -> None:
        assert may_commit.wait(10)

    appender = appender_of(store, slow)
    waiting = asyncio.create_task(appender.append(ORIGIN, new()))
    await asyncio.sleep(0.05)

    assert not waiting.done()

    may_commit.set()
    assert await waiting == Outcome("appended", 1)
    await appender.close()


async def test_one_bad_event_does_not_fail_its_neighbours(store: Store, reading: Pool) -> None:
    def picky(events: Sequence[NewEvent]) -> None:
        if any(event.key == "bad" for event in events):
            raise ValueError("no")

    appender = appender_of(store, picky)

    results = await asyncio.gather(
        *(appender.append(ORIGIN, new(key)) for key in ("a", "bad", "b", "c")),
        return_exceptions=True,
    )
    await appender.close()

    assert [type(result) for result in results] == [Outcome, ValueError, Outcome, Outcome]
    assert [event.key for event in await everything(reading)] == ["a", "b", "c"]


async def test_callers_of_several_portals_get_their_own_outcomes(
    store: Store, reading: Pool
) -> None:
    appender = appender_of(store, lambda _: None)
    of_both = [Pending(OTHER, new("a")), Pending(ORIGIN, new("a")), Pending(OTHER, new("a"))]

    together, alone = await asyncio.gather(
        appender.append_all(of_both), appender.append(ORIGIN, new("b"))
    )
    await appender.close()

    assert [outcome.outcome for outcome in together] == ["appended", "appended", "duplicate"]
    first, second, third = (outcome.position for outcome in together)
    assert (first, third, {second, alone.position}) == (1, 1, {1, 2})
    assert len(await everything(reading, 1)) == 2
    assert len(await everything(reading, 2)) == 1


async def test_a_caller_that_goes_away_does_not_take_its_event_along(
    store: Store, reading: Pool
) -> None:
    appender = appender_of(store, lambda _: None)
    leaving = asyncio.create_task(appender.append(ORIGIN, new("left")))
    staying = asyncio.create_task(appender.append(ORIGIN, new("stayed")))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).outcome == "appended"
    await appender.close()
    assert {event.key for event in await everything(reading)} == {"left", "stayed"}


async def test_what_waits_is_written_before_the_end(store: Store, reading: Pool) -> None:
    appender = appender_of(store, lambda _: None)
    waiting = [
        asyncio.create_task(appender.append(ORIGIN, new(f"webhook:{number}")))
        for number in range(9)
    ]
    await asyncio.sleep(0)

    await appender.close()

    async with asyncio.timeout(30):
        assert {outcome.outcome for outcome in await asyncio.gather(*waiting)} == {"appended"}
    assert len(await everything(reading)) == 9


async def test_a_closed_appender_takes_nothing(store: Store) -> None:
    appender = appender_of(store, lambda _: None)
    await appender.close()

    with pytest.raises(StoreUnavailable):
        await appender.append(ORIGIN, new())


async def test_nothing_is_appended_of_nothing(appender: Appender, reading: Pool) -> None:
    assert await appender.append_all([]) == []
    assert await everything(reading) == []
