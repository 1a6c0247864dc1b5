"""Many writers in many processes, killed now and then: a follower by position sees all, once."""

import asyncio
import signal
from itertools import count
from random import Random
from typing import Final

import asyncpg
import pytest

from eventstore.postgres_store import PostgresStore
from tests.faults import work_postgresql
from tests.faults.children import Child, child
from tests.faults.follower import Follower
from tests.faults.lengths import brief, long
from tests.faults.postgresql_log import ORIGINS, check_portal, places
from tests.faults.tallies import Tally

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("many writers, one follower")]

ORIGIN: Final = ORIGINS[1]
PROCESSES: Final = 4
"""With eight writers each."""

PACE: Final = 0.005
PATIENCE: Final = 1_200


class Writers:
    """Processes that write; whoever is killed has a successor."""

    def __init__(self, store: PostgresStore, events: int, kills: int) -> None:
        self.acknowledged: dict[str, int | None] = {}
        self.killed = 0
        self.fell = 0
        self._writing: set[int] = set()
        self._together = 0
        self._store = store
        self._events = events
        self._kill_at = [events * kill // (kills + 1) for kill in range(1, kills + 1)]
        self._running: dict[int, Child] = {}
        self._random = Random(events)  # noqa: S311 - no secret

    async def run(self) -> None:
        """Write until one falls that nobody killed, or so many events are acknowledged.

        They count from when all processes write: one that starts before the others writes alone.
        """
        async with asyncio.TaskGroup() as tasks:
            for number in range(PROCESSES):
                tasks.create_task(asyncio.to_thread(self._lives, number))
            while not self._ended():
                await asyncio.sleep(PACE)
                self._kill_one()

    def _ended(self) -> bool:
        return self.fell > 0 or self._together >= self._events

    def _kill_one(self) -> None:
        if self._kill_at and self._together >= self._kill_at[0]:
            self._kill_at.pop(0)
            self._running[self._random.randrange(PROCESSES)].kill()
            self.killed += 1

    def _lives(self, number: int) -> None:
        for life in count():
            if self._ended():
                return
            name = f"{number}.{life}"
            with child(work_postgresql.append_for_ever, self._store.url, name) as running:
                self._running[number] = running
                for line in running.lines():
                    _, key, position = line.split()
                    self.acknowledged[key] = int(position)
                    self._writing.add(number)
                    self._together += len(self._writing) == PROCESSES
                    if self._ended():
                        running.kill()
            self.fell += running.status != -signal.SIGKILL


@pytest.mark.parametrize(("events", "kills"), [brief(900, 1), long(100_000, 12)])
async def test_a_follower_on_postgresql_sees_every_event_once_and_in_order(
    database: PostgresStore, tally: Tally, events: int, kills: int
) -> None:
    writers = Writers(database, events, kills)
    follower, last = Follower(database.log, ORIGIN.portal_id), asyncio.Event()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(follower.run(last))
        await writers.run()
        await killed_ones_are_gone(database.url)
        last.set()
    tally.ran(acknowledged=len(writers.acknowledged))

    assert writers.fell == 0
    assert writers.killed == kills
    tally.looked(follower.found(await places(database, ORIGIN.portal_id)))
    tally.looked(await check_portal(database, ORIGIN, writers.acknowledged))


async def killed_ones_are_gone(url: str) -> None:
    """Wait until the server has noticed who was killed: until then they may yet commit."""
    connection = await asyncpg.connect(url)
    ours = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'chronicle'"
    )
    try:
        while await connection.fetchval(ours) > 1:  # noqa: ASYNC110 - one is the follower
            await asyncio.sleep(PACE)
    finally:
        await connection.close()
