"""A server killed at any moment has recorded every answer that a reader got."""

import asyncio
from pathlib import Path
from random import Random
from typing import Final

import httpx
import pytest

from eventstore.catalog import Catalog
from eventstore.store import Store
from eventstore.tokens import Tokens
from projections.difference import Difference
from projections.verify_log import verify_access_log
from tests import samples
from tests.engines import query
from tests.promises.process import ServerProcess
from tests.promises.server import NOW, SLUG, register, serving_again

CONNECTIONS: Final = 6
MESSAGE: Final = f"/v1/portals/{SLUG}/messages/190411"


@pytest.fixture
async def token(fresh: Store) -> str:
    """A store with a message, and a token that may read it."""
    async with serving_again(await register(fresh)) as served:
        await served.feed(samples.sample("imbot_v2/onimbotv2messageadd.json"))
        await served.state.live.catch_up()
        _, token = await Tokens(served.state.catalog).create(
            portals=[SLUG], scopes=["messages:read"], now=NOW
        )
    return token


async def test_every_answer_that_a_reader_got_is_recorded(
    fresh: Store, token: str, tmp_path: Path
) -> None:
    answered: set[str] = set()
    for seed in range(2):
        server = await asyncio.to_thread(ServerProcess, fresh, tmp_path / "server.log")
        await _read_until_killed(server, token, answered, Random(seed))  # noqa: S311 - no secret

        keys = await query(fresh.access_log, "SELECT key, position FROM event ORDER BY position")
        assert answered <= {key for key, _ in keys}
        assert [position for _, position in keys] == list(range(1, len(keys) + 1))
    assert len(answered) > 100
    assert await _differences(fresh) == []


async def _read_until_killed(
    server: ServerProcess, token: str, answered: set[str], random: Random
) -> None:
    enough, wanted = asyncio.Event(), len(answered) + random.randrange(40, 120)

    async def read() -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            while True:
                try:
                    answer = await client.get(MESSAGE, headers={"Authorization": f"Bearer {token}"})
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                answered.add(answer.headers["X-Request-Id"])
                if len(answered) >= wanted:
                    enough.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(read())
        try:
            await enough.wait()
            await asyncio.sleep(random.random() / 50)
        finally:
            server.kill()


async def _differences(store: Store) -> list[Difference]:
    catalog = await Catalog.open(store)
    try:
        portals = list((await catalog.snapshot()).portals.values())
    finally:
        await catalog.close()
    return [each async for each in verify_access_log(store, portals, lambda *_: None)]
