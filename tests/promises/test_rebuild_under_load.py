"""Read models are made anew while events come and readers read: nobody notices."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from projections.rebuild import Selection, rebuild
from tests.promises.life import Life, reader, unread
from tests.promises.server import Registered, Served, serving_again

REBUILDS = 3


async def _living(served: Served, act: Callable[[Life], Any]) -> Life:
    """Let a portal live and be read while something is done."""
    life = Life(served, await reader(served))
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(life.send()), tasks.create_task(life.read())]
        await life.until(lambda: life.sent > 20)
        await act(life)
        for task in working:
            task.cancel()
    return life


@pytest.mark.parametrize("from_facts", [False, pytest.param(True, marks=pytest.mark.long)])
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
                    unread,
                    what=Selection(from_facts=from_facts),
                )
                live, portal = served.state.live, served.portal
                await life.until(lambda: live.generation(portal.id) == done.generation)  # noqa: B023 - waited for here
                assert life.sent > before

        life = await _living(served, act)

        assert life.seen > REBUILDS
        assert await life.differences() == []
