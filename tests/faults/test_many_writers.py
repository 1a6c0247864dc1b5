"""Many writers, a server that is killed now and then, and a follower by position."""

import asyncio
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import httpx
import pytest

from eventstore import log
from eventstore.database import Pool
from tests.faults.checks import Acknowledged, Found, check
from tests.faults.deliveries import body, key
from tests.faults.stores import Store
from tests.faults.tallies import Tally
from tests.promises.server import SLUG

pytestmark = pytest.mark.fault("many writers, one follower")

WRITERS: Final = 32
MOST: Final = 32
"""Events in one delivery."""

PACE: Final = 0.01
"""Seconds between two looks."""


class Writers:
    """Clients of one server after another: what is not answered for is delivered again."""

    def __init__(self, store: Store, events: int) -> None:
        self.acknowledged: Acknowledged = {}
        self._headers = {"Authorization": f"Bearer {store.registered.token}"}
        self._numbers = iter(range(1, events + 1))
        self._url = ""
        self._serving = asyncio.Event()
        self._answered = asyncio.Condition()

    def served_at(self, url: str) -> None:
        """Deliver there from now on."""
        self._url = url
        self._serving.set()

    def served_no_more(self) -> None:
        """Wait for another server."""
        self._serving.clear()

    async def acknowledge(self, events: int) -> None:
        """Wait until so many events were answered for."""
        async with self._answered:
            await self._answered.wait_for(lambda: len(self.acknowledged) >= events)

    async def run(self) -> None:
        """Deliver everything."""
        limits = httpx.Limits(max_connections=None)
        async with (
            httpx.AsyncClient(headers=self._headers, limits=limits, timeout=60) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for seed in range(WRITERS):
                tasks.create_task(self._write(client, Random(seed)))  # noqa: S311 - no secret

    async def _write(self, client: httpx.AsyncClient, random: Random) -> None:
        while batch := list(islice(self._numbers, random.randint(1, MOST))):
            answer = None
            while answer is None:
                await self._serving.wait()
                answer = await self._answer(client, batch)
            assert answer.status_code == httpx.codes.OK, answer.text
            async with self._answered:
                for number, result in zip(batch, answer.json()["results"], strict=True):
                    self.acknowledged[key(number)] = result["position"]
                self._answered.notify_all()

    async def _answer(self, client: httpx.AsyncClient, batch: list[int]) -> httpx.Response | None:
        url = f"{self._url}/v1/portals/{SLUG}/events"
        try:
            return await client.post(url, content=body(batch))
        except httpx.TransportError:
            return None


class Follower:
    """Reads the log by position, each time from where it was."""

    def __init__(self, store: Store) -> None:
        self.seen: Counter[str] = Counter()
        self.out_of_order = 0
        self._store = store
        self._after = 0

    async def run(self, last: asyncio.Event) -> None:
        """Follow until the last event is there, and to the end of the log then."""
        async with self._store.reading() as pool:
            ended = False
            while not ended:
                ended = last.is_set()
                while await self._page(pool):
                    pass
                await asyncio.sleep(PACE)

    async def _page(self, pool: Pool) -> bool:
        async with pool.reading() as session:
            events = await log.page(session, self._store.portal.id, after=self._after, limit=500)
        for event in events:
            self.out_of_order += event.position != self._after + 1
            self._after = event.position
            self.seen[event.key] += 1
        return bool(events)

    def found(self) -> Found:
        """What it missed, saw twice or out of order, now that all is there."""
        missed = sum(key not in self.seen for _, key in self._store.stored())
        twice = sum(self.seen.values()) - len(self.seen)
        return Found(missed, twice, self.out_of_order, [])


@pytest.mark.parametrize(
    ("events", "kills"), [(2_000, 1), pytest.param(100_000, 5, marks=pytest.mark.long)]
)
async def test_a_follower_sees_every_event_once_and_in_order(
    store: Store, tally: Tally, tmp_path: Path, events: int, kills: int
) -> None:
    store.recover()  # there must be a log to follow
    writers, follower, last = Writers(store, events), Follower(store), asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follower.run(last))
        tasks.create_task(writers.run())
        for life in range(1, kills + 2):
            with store.serving(tmp_path / "server.log") as server:
                writers.served_at(server.url)
                await writers.acknowledge(events * life // (kills + 1))
                server.kill()
                writers.served_no_more()
        last.set()
    tally.ran(acknowledged=len(writers.acknowledged))

    tally.looked(follower.found())
    tally.looked(await check(store, writers.acknowledged))
    assert len(store.stored()) == len(writers.acknowledged) == events
