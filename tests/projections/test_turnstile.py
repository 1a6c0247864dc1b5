"""Nobody is inside while it is shut."""

import asyncio

from projections.turnstile import Turnstile

SOON = 0.01
PATIENCE = 10


async def test_who_comes_while_it_is_shut_waits() -> None:
    turnstile = Turnstile()

    async def pass_through() -> None:
        async with turnstile.inside():
            pass

    async with turnstile.shut(seconds=PATIENCE) as shut:
        passing = asyncio.create_task(pass_through())
        await asyncio.sleep(SOON)
        assert (shut, passing.done()) == (True, False)

    async with asyncio.timeout(PATIENCE):
        await passing


async def test_it_is_not_shut_before_all_are_out() -> None:
    turnstile = Turnstile()
    one, other = turnstile.inside(), turnstile.inside()
    await one.__aenter__()
    await other.__aenter__()

    await one.__aexit__(None, None, None)
    async with turnstile.shut(seconds=SOON) as early:
        assert not early
    await other.__aexit__(None, None, None)
    async with turnstile.shut(seconds=PATIENCE) as late:
        assert late
