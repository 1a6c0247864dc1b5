"""All queues at once: connections come and go while others are polled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from eventstore.directory import Snapshot
from eventstore.errors import StoreUnavailable
from eventstore.fetching.connections import Connections
from eventstore.fetching.means import Stop
from eventstore.fetching.pollers import Pollers
from eventstore.folder import Folder
from tests.eventstore.fetching.polled import Polled, polling


@pytest.fixture
async def polled(tmp_path: Path) -> AsyncIterator[Polled]:
    """On SQLite: nothing here knows of its engine."""
    async with polling(Folder(tmp_path / "data")) as polled:
        polled.bot_token = "FAKE_BOT_TOKEN"  # noqa: S105 - of nobody
        yield polled


USER = "im.v2.Event.get"
BOT = "imbot.v2.Event.get"


def pollers() -> list[str]:
    """Return the names of the pollers that run."""
    names = [task.get_name() for task in asyncio.all_tasks() if not task.done()]
    return [name for name in names if name.startswith("poller of")]


class Followed:
    """Pollers that run beside the test."""

    def __init__(self, polled: Polled, slug: str | None = None) -> None:
        self.polled = polled
        self.stop = Stop()
        self.away = False
        pollers = Pollers(polled.means(), self.snapshot, slug)
        self.task = asyncio.create_task(pollers.run(self.stop))

    async def snapshot(self) -> Snapshot:
        if self.away:
            raise StoreUnavailable("the catalog: away")
        return await self.polled.catalog.snapshot()

    def calls(self, method: str) -> int:
        """Return how often a method was called."""
        return [name for name, _ in self.polled.calls].count(method)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened."""
        async with asyncio.timeout(20):
            while not happened():  # noqa: ASYNC110 - what happens tells nobody
                await asyncio.sleep(0.005)

    async def asked(self, method: str, times: int) -> None:
        """Wait until a method was called so much more often."""
        already = self.calls(method)
        await self.until(lambda: self.calls(method) >= already + times)

    async def end(self) -> None:
        self.stop.ask()
        await self.task


async def test_a_connection_that_is_added_is_polled_and_one_that_is_removed_no_more(
    polled: Polled,
) -> None:
    followed = Followed(polled)
    user = await polled.connect("user:58")
    await followed.asked(USER, 2)
    await polled.connect("bot:931")
    await followed.asked(BOT, 2)

    await Connections(polled.catalog).remove(user)
    await followed.until(lambda: len(pollers()) == 1)
    already = followed.calls(USER)
    await followed.asked(BOT, 3)

    assert followed.calls(USER) == already
    await followed.end()
    assert pollers() == []


async def test_a_defect_ends_no_poller(polled: Polled) -> None:
    polled.refused = KeyError("a defect")
    await polled.connect()
    followed = Followed(polled)

    await followed.asked("im.v2.Event.subscribe", 3)
    polled.refused = None
    await followed.asked(USER, 2)

    await followed.end()


async def test_the_end_gives_every_queue_back(polled: Polled) -> None:
    connection = await polled.connect()
    followed = Followed(polled)
    await followed.asked(USER, 2)

    await followed.end()

    assert (await polled.row(connection)).holder is None
    assert len(await polled.watches()) >= 1


async def test_a_catalog_that_is_away_ends_no_poller(polled: Polled) -> None:
    await polled.connect()
    followed = Followed(polled)
    await followed.asked(USER, 2)
    followed.away = True

    await followed.asked(USER, 4)

    assert not followed.task.done()
    await followed.end()


async def test_another_portals_queues_are_left_alone(polled: Polled) -> None:
    await polled.connect()
    followed = Followed(polled, "globex")

    await asyncio.sleep(0.1)

    assert polled.calls == []
    await followed.end()
