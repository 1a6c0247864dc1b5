"""Many writers, a server that is killed now and then, and a follower by position."""

import asyncio
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import httpx
import pytest

from tests.faults.checks import Acknowledged, check
from tests.faults.deliveries import body, key
from tests.faults.follower import Follower
from tests.faults.lengths import brief, long
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


@pytest.mark.parametrize(("events", "kills"), [brief(600, 1), long(100_000, 5)])
async def test_a_follower_sees_every_event_once_and_in_order(
    store: Store, tally: Tally, tmp_path: Path, events: int, kills: int
) -> None:
    store.recover()  # there must be a log to follow
    writers, last = Writers(store, events), asyncio.Event()
    follower = Follower(store.folder.log, store.portal.id)

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

    tally.looked(follower.found(key for _, key in store.stored()))
    tally.looked(await check(store, writers.acknowledged))
    assert len(store.stored()) == len(writers.acknowledged) == events
