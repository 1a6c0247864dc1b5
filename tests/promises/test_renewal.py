"""What other code has made is read until it is made anew, in the background."""

import asyncio
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from eventstore.pointers import Pointers
from eventstore.store import Store
from projections import generations
from projections.build import Plan, build
from tests import samples
from tests.engines import damage, stamp
from tests.promises.life import Life, reader, unread
from tests.promises.server import NOW, SLUG, Registered, Served, register, serving_again

OTHER_CODE = "UPDATE made_by SET rows = 'other code'"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.renewal._LOOK", 0.02)
    monkeypatch.setattr("api.renewal._AGAIN", 0.02)


def current(served: Served) -> bool:
    """Whether what is read is what this program would make."""
    return served.state.live.standing(served.portal.id) is generations.Standing.CURRENT


async def test_what_other_code_made_is_read_until_it_is_made_anew(
    projected: Registered,
) -> None:
    await damage(projected.store.generation(1), OTHER_CODE)

    async with serving_again(projected, project=True) as served:
        life = Life(served, await reader(served))
        ready = (await served.client.get("/readyz")).json()
        page = await life.asked(f"/v1/portals/{SLUG}/messages")

        assert (ready["status"], ready["generation"]) == ("ready", "older")
        assert (page["meta"]["generation"], len(page["data"])) == ("older", 1)

        await life.until(lambda: current(served))
        ready = (await served.client.get("/readyz")).json()
        page = await life.asked(f"/v1/portals/{SLUG}/messages")

        assert "generation" not in ready
        assert "generation" not in page["meta"]
        assert len(page["data"]) == 1
        assert served.state.live.generation(served.portal.id) == 2
        assert await life.differences() == []


async def test_what_cannot_be_read_is_made_anew_while_events_are_taken_in(
    projected: Registered,
) -> None:
    await stamp(projected.store.generation(1), generations.SHAPE - 1)

    async with serving_again(projected, project=True) as served:
        life = Life(served, await reader(served))
        ready = (await served.client.get("/readyz")).json()
        early = await served.client.get(f"/v1/portals/{SLUG}/messages", headers=life.bearer)
        taken = await served.hook(samples.sample("legacy/onimbotmessageadd.form"))

        assert ready["generation"] == "unreadable"
        assert (early.status_code, early.json()["code"]) == (503, "store_unavailable")
        assert taken.json()["position"] == 2

        await life.until(lambda: current(served))
        await life.until(lambda: served.state.live.projected(served.portal.id) == 2)
        assert await life.differences() == []


async def test_what_was_made_beside_a_server_is_left_to_who_made_it(
    registered: Registered,
) -> None:
    """Or two servers of different versions would rebuild each other's for ever."""
    store = registered.store
    async with serving_again(registered, project=True) as served:
        life = Life(served, await reader(served))
        pointers = Pointers(served.state.catalog)
        number = await pointers.begin(NOW)
        await build(store.generation(number), Plan(store.log, {served.portal.id: 0}), unread)
        await damage(store.generation(number), OTHER_CODE)
        await pointers.flip(number, [served.portal.id], NOW)
        await life.until(lambda: served.state.live.outdated == {served.portal.id})

        await asyncio.sleep(10 * 0.02)

        assert await pointers.making(NOW) == []
        assert (await served.state.catalog.snapshot()).pointers == {served.portal.id: number}


async def test_a_rebuild_that_fails_is_tried_again(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    await damage(registered.store.generation(1), OTHER_CODE)
    failed = 0

    async def broken(*_: Any, **__: Any) -> Any:
        nonlocal failed
        failed += 1
        monkeypatch.undo()
        raise BrokenProcessPool("a worker was killed")

    monkeypatch.setattr("api.renewal.rebuild", broken)
    async with serving_again(registered, project=True) as served:
        life = Life(served, await reader(served))
        await life.until(lambda: current(served))

    assert failed == 1


async def test_who_sees_somebody_else_at_it_waits(fresh: Store) -> None:
    registered = await register(fresh)
    async with serving_again(registered) as served:
        pointers = Pointers(served.state.catalog)
        assert await pointers.making(NOW) == []

        number = await pointers.begin(NOW)

        assert await pointers.making(NOW + 1) == [number]
        assert await pointers.making(NOW + 61_000_000) == []
