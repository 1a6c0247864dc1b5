"""Read models are made anew while events come and readers read: nobody notices."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from pydantic_core import to_json

from eventstore.pointers import Pointers
from eventstore.store import Store
from projections import generations
from projections.difference import Difference
from projections.rebuild import Selection, rebuild
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.engines import damage
from tests.promises.server import JSON, NOW, SLUG, Registered, Served, register, serving_again

PATIENCE = 60
REBUILDS = 3


def current(served: Served) -> bool:
    """Whether what is read is what this program would make."""
    return served.state.live.standing(served.portal.id) is generations.Standing.CURRENT


class Life:
    """A portal that goes on sending, and a reader who looks at it all the while."""

    def __init__(self, served: Served, token: str) -> None:
        self.served = served
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.sent = 0
        self.seen = 0

    async def send(self) -> None:
        """Send one message after another."""
        for number in count(1):
            webhook = samples.tree("legacy/onimbotmessageadd.json")
            name = str(500_000 + number)
            webhook["data"]["PARAMS"] |= {"MESSAGE_ID": name, "TEMPLATE_ID": name}
            answer = await self.served.hook(to_json(webhook), JSON)
            assert answer.status_code == 200
            self.sent = answer.json()["position"]
            await asyncio.sleep(0.002)

    async def read(self) -> None:
        """Look whether time runs backwards, or something that was there is there no more."""
        position = messages = 0
        while True:
            said = await self._asked(f"/v1/portals/{SLUG}")
            assert said["data"]["projected"] >= position
            page = await self._asked(f"/v1/portals/{SLUG}/messages?limit=50")
            assert page["meta"]["position"] >= position
            assert len(page["data"]) >= min(messages, 50)
            position, messages = page["meta"]["position"], len(page["data"])
            self.seen += 1
            await asyncio.sleep(0.01)

    async def _asked(self, path: str) -> Any:
        answer = await self.served.client.get(path, headers=self.bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, done: Callable[[], bool]) -> None:
        """Let it go on until then."""
        async with asyncio.timeout(PATIENCE):
            while not done():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def differences(self) -> list[Difference]:
        """What is stored of the portal and is not what the log says."""
        live, portal = self.served.state.live, self.served.portal
        head = self.served.state.head(portal)
        await self.until(lambda: live.projected(portal.id) >= head)
        portals = [(await self.served.state.catalog.snapshot()).portals[SLUG]]
        store = self.served.store
        return [
            *[found async for found in verify_log(store, portals, _unread)],
            *[found async for found in verify_read_models(store, portals, _unread)],
        ]


async def _reader(served: Served) -> str:
    _, token = await served.state.catalog.create_token(
        portals=[SLUG], scopes=["messages:read"], now=NOW
    )
    await served.state.refresh()
    return token


def _unread(_done: int, _total: int) -> None:
    """Nobody watches the progress."""


async def _living(served: Served, act: Callable[[Life], Any]) -> Life:
    """Let a portal live and be read while something is done."""
    life = Life(served, await _reader(served))
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(life.send()), tasks.create_task(life.read())]
        await life.until(lambda: life.sent > 20)
        await act(life)
        for task in working:
            task.cancel()
    return life


@pytest.mark.parametrize("from_facts", [False, True])
async def test_a_rebuild_beside_senders_and_readers_is_not_noticed(
    registered: Registered, *, from_facts: bool
) -> None:
    async with serving_again(registered, project=True) as served:

        async def act(life: Life) -> None:
            for _ in range(REBUILDS):
                before = life.sent
                done = await rebuild(
                    served.store,
                    served.state.catalog,
                    _unread,
                    what=Selection(from_facts=from_facts),
                )
                live, portal = served.state.live, served.portal
                await life.until(lambda: live.generation(portal.id) == done.generation)  # noqa: B023 - waited for here
                assert life.sent > before

        life = await _living(served, act)

        assert life.seen > REBUILDS
        assert await life.differences() == []


async def test_what_other_code_made_is_read_until_it_is_made_anew(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = registered.store
    async with serving_again(registered) as served:
        await served.hook(samples.sample("legacy/onimbotmessageadd.form"))
        await served.state.live.catch_up()
    await damage(store.generation(1), "UPDATE made_by SET rows = 'other code'")

    async with serving_again(registered, project=True) as served:
        life = Life(served, await _reader(served))
        monkeypatch.setattr("api.renewal._LOOK", 0.05)
        ready = (await served.client.get("/readyz")).json()
        page = await life._asked(f"/v1/portals/{SLUG}/messages")  # noqa: SLF001 - of this module

        assert (ready["status"], ready["generation"]) == ("ready", "older")
        assert (page["meta"]["generation"], len(page["data"])) == ("older", 1)

        await life.until(lambda: current(served))
        ready = (await served.client.get("/readyz")).json()
        page = await life._asked(f"/v1/portals/{SLUG}/messages")  # noqa: SLF001

        assert "generation" not in ready
        assert "generation" not in page["meta"]
        assert len(page["data"]) == 1
        assert served.state.live.generation(served.portal.id) == 2
        assert await life.differences() == []


async def test_what_cannot_be_read_is_made_anew_while_events_are_taken_in(
    registered: Registered,
) -> None:
    store = registered.store
    async with serving_again(registered) as served:
        await served.hook(samples.sample("legacy/onimbotmessageadd.form"))
        await served.state.live.catch_up()
    session = await store.generation(1).open_writer()
    await session.set_stamp(generations.SHAPE - 1)
    await session.close()

    async with serving_again(registered, project=True) as served:
        life = Life(served, await _reader(served))
        ready = (await served.client.get("/readyz")).json()
        early = await served.client.get(f"/v1/portals/{SLUG}/messages", headers=life.bearer)
        taken = await served.hook(samples.sample("legacy/onimbotmessageadd.form"))

        assert ready["generation"] == "unreadable"
        assert (early.status_code, early.json()["code"]) == (503, "store_unavailable")
        assert taken.json()["position"] == 2

        await life.until(lambda: current(served))
        await life.until(lambda: served.state.live.projected(served.portal.id) == 2)
        assert await life.differences() == []


async def test_who_sees_somebody_else_at_it_waits(fresh: Store) -> None:
    registered = await register(fresh)
    async with serving_again(registered) as served:
        pointers = Pointers(served.state.catalog)
        assert await pointers.making(NOW) == []

        number = await pointers.begin(NOW)

        assert await pointers.making(NOW + 1) == [number]
        assert await pointers.making(NOW + 61_000_000) == []
