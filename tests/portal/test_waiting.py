"""Those who wait for the portal's clock go on in the order of their moments, and at once."""

import asyncio

from tests.portal.clock import START, Clock
from tests.portal.waiting import PortalTime


async def test_a_day_takes_no_time() -> None:
    clock = Clock()

    async with asyncio.timeout(5):
        await PortalTime(clock).sleep(86_400)

    assert clock.now == START + 86_400


async def test_who_waits_less_goes_on_first() -> None:
    time = PortalTime(Clock())
    gone_on: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await time.sleep(seconds)
        gone_on.append((name, time.monotonic() - START))

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for name, seconds in (("long", 100.0), ("short", 1.0), ("middle", 30.0)):
            tasks.create_task(wait(name, seconds))

    assert gone_on == [("short", 1.0), ("middle", 30.0), ("long", 100.0)]


async def test_people_live_while_somebody_waits() -> None:
    clock = Clock()
    lived: list[float] = []

    await PortalTime(clock, lived.append).sleep(60)

    assert lived == [START + 60]
    assert clock.now == START + 60


async def test_who_gives_up_keeps_nobody() -> None:
    time = PortalTime(Clock())
    impatient = asyncio.create_task(time.sleep(1_000))
    await asyncio.sleep(0)
    impatient.cancel()

    async with asyncio.timeout(5):
        await asyncio.gather(impatient, time.sleep(10_000), return_exceptions=True)

    assert time.monotonic() == START + 10_000
