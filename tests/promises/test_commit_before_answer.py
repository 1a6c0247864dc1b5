"""Promise 1, at the moment between an answer and its commit, which no kill can time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import pytest

from eventstore.appender import Appender
from eventstore.event import NewEvent
from eventstore.folder import Folder
from eventstore.log import Origin, Outcome, Pending
from eventstore.migrations import VERSION, ensure
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_log import PostgresLog
from eventstore.postgres_store import PostgresStore
from eventstore.sqlite_log import SqliteLog
from eventstore.store import Store
from eventstore.thread_appender import ThreadAppender
from tests.engines import damage, query, step_aside

WAITS_AT_THE_COMMIT: Final = (
    """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait()
    """,
)
"""A deferred trigger runs when everything is written and COMMIT was sent."""


async def test_nobody_is_answered_before_the_commit(fresh: Store) -> None:
    await ensure(fresh)
    appender = await fresh.open_appender()
    event = NewEvent("key", "webhook", "app", None, "X", 1, None, "{}")

    async with nobody_can_commit(fresh) as waiting:
        answer = asyncio.create_task(appender.append_all([Pending(Origin(1, b"k"), event)]))
        await waiting()
        answered, there = answer.done(), await query(fresh.log, "SELECT * FROM event")

    assert not answered
    assert there == []
    assert await answer == [Outcome("appended", 1)]
    assert len(await query(fresh.log, "SELECT * FROM event")) == 1
    await appender.close()


@asynccontextmanager
async def nobody_can_commit(store: Store) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Let every commit wait until the end; what is given waits until one does."""
    holder = await store.log.open_writer()
    try:
        await step_aside(holder)
        if isinstance(store, Folder):
            async with holder.transaction():
                await holder.set_stamp(VERSION)  # there is one who writes
                yield partial(asyncio.sleep, 0.1)
        else:
            await damage(store.log, *WAITS_AT_THE_COMMIT)
            async with holder.transaction():
                await holder.execute("SELECT pg_advisory_xact_lock(7)")
                yield partial(_somebody_waits, store)
    finally:
        await holder.close()


async def _somebody_waits(store: Store) -> None:
    async with asyncio.timeout(30):
        while not await query(store.log, "SELECT FROM pg_locks WHERE NOT granted"):
            pass


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_a_commit_whose_outcome_is_unknown_is_not_answered_for(
    fresh: Store, fails: str
) -> None:
    """Whether it landed or not: to send it again makes one event of it."""
    await ensure(fresh)
    appender = failing_once(fresh, fails)
    pending = [Pending(Origin(1, b"k"), NewEvent("key", "fetch", "app", 7, "X", 1, None, "{}"))]

    with pytest.raises(OSError, match="is gone"):
        await appender.append_all(pending)
    (again,) = await appender.append_all(pending)

    assert again.position == 1
    assert len(await query(fresh.log, "SELECT * FROM event")) == 1
    await appender.close()


def failing_once(store: Store, fails: str) -> Appender:
    """Give an appender whose first commit fails, before or after it landed."""
    failures = Counter({fails: 1})

    def fail(when: str) -> None:
        if failures.pop(when, 0):
            raise OSError(f"{when} the commit the disk is gone")

    if isinstance(store, PostgresStore):
        log = PostgresLog(store.server)

        async def append(origin: Origin, events: Sequence[NewEvent]) -> list[Outcome]:
            fail("before")
            outcomes = await log.append(origin, events)
            fail("after")
            return outcomes

        return PortalAppender(append, log.close)
    assert isinstance(store, Folder)
    file = SqliteLog(store.log.path)

    def commit(batch: Sequence[Pending]) -> list[Outcome]:
        fail("before")
        outcomes = file.append(batch)
        fail("after")
        return outcomes

    return ThreadAppender(commit, file.close)
