"""A server that verifies its store now and then says in its metrics what it found."""

import asyncio
import errno
import re
from collections.abc import Callable
from multiprocessing import active_children

import pytest

from api import verification
from projections.generations import SHAPE
from tests import samples
from tests.engines import damage, stamp
from tests.promises.server import Registered, Served, serving_again

PATIENCE = 60


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_FIRST", 0)


async def measured(served: Served) -> dict[str, float]:
    """What /metrics says of verifications."""
    page = (await served.client.get("/metrics")).text
    found = re.findall(r"^chronicle_verify_(\S+) (\S+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def until(served: Served, so: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Wait until it says so."""
    async with asyncio.timeout(PATIENCE):
        while not so(found := await measured(served)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    return found


async def test_a_sound_store_is_said_to_be_sound_and_a_damaged_one_not(
    registered: Registered,
) -> None:
    async with serving_again(registered, verify_every=1, verify_share=1) as served:
        assert "differences" not in await measured(served)
        await served.hook(samples.sample("legacy/onimbotmessageadd.form"))
        await served.state.live.catch_up()

        sound = await until(served, lambda found: found.get("events") == 1)
        await damage(registered.store.generation(1), "UPDATE message SET author_id = -1")
        damaged = await until(served, lambda found: found["differences"] > 0)

    assert sound["differences"] == 0
    assert damaged["differences"] == 1
    assert damaged["finished_timestamp_seconds"] > sound["finished_timestamp_seconds"]
    assert damaged["failures_total"] == 0


async def test_a_verification_that_fails_is_counted(projected: Registered) -> None:
    await stamp(projected.store.generation(1), SHAPE - 1)

    async with serving_again(projected, verify_every=3_600) as served:
        found = await until(served, lambda found: found["failures_total"] == 1)

    assert "differences" not in found


async def test_a_process_that_cannot_be_started_is_said(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refused)

    found = await verification.verified_elsewhere(registered.store, 1)

    assert found == "its process cannot be started: Resource temporarily unavailable"


async def test_a_server_that_stops_does_not_wait_for_it(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving_again(registered, verify_every=1, verify_share=1e-6) as served:
        await served.hook(samples.sample("legacy/onimbotmessageadd.form"))
        async with asyncio.timeout(PATIENCE):
            while not active_children():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    assert not active_children()


async def test_nothing_is_verified_unasked(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("api.lifespan.verify_forever", never)
    async with serving_again(registered) as served:
        assert await measured(served)


def test_work_and_rest_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rested: list[float] = []
    clock = iter([0.0, 1.0, 1.0, 3.0, 3.0])
    monkeypatch.setattr("api.verification.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("api.verification.time.sleep", rested.append)

    at = verification._pace(0.25)  # noqa: SLF001 - what it does takes time otherwise
    at(1, 2)
    at(2, 2)

    assert rested == [3.0, 6.0]
