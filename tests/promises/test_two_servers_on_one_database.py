"""Several servers write to one database, and project from it: one log, one set of read models.

Only PostgreSQL has this: an embedded store belongs to the one process that holds its lock.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from eventstore.store import Store
from projections.difference import Difference
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.engines import query
from tests.promises.conftest import Copied
from tests.promises.server import Served, serving_again

pytestmark = pytest.mark.postgresql

REQUESTS: Final = 120
ITEM: Final = samples.tree("im_v2/onimv2messageadd.json")
WEBHOOK: Final = samples.sample("legacy/onimbotmessageadd.form")


async def test_what_comes_to_either_is_there_once_in_one_order(
    portal_database: Copied, tmp_path: Path
) -> None:
    async with (
        portal_database(tmp_path) as registered,
        serving_again(registered, project=True) as one,
        serving_again(registered, project=True) as other,
    ):
        answers = await asyncio.gather(
            *(_send((one, other)[number % 2], number) for number in range(REQUESTS))
        )

        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == {200: REQUESTS * 2 // 3, 400: REQUESTS // 3}
        positions = [position for answer in answers for position in _appended(answer)]
        assert sorted(positions) == list(range(1, len(positions) + 1))
        await _projected(one, len(positions))
        store = registered.store
        sealed = "SELECT number FROM quarantined ORDER BY number"
        assert await query(store.catalog, sealed) == [(n,) for n in range(1, 1 + len(BAD))]
        assert await _differences(store, one) == []


BAD: Final = [b"{bad %d" % number for number in range(7)]


async def _send(served: Served, number: int) -> httpx.Response:
    """Send a webhook, or items that both servers get, or what nobody can read."""
    if number % 3 == 0:
        return await served.hook(WEBHOOK)
    if number % 3 == 1:
        items = [{**ITEM, "eventId": each} for each in (number, number + 1, number % 7)]
        return await served.feed(json.dumps({"result": {"events": items}}).encode())
    return await served.feed(BAD[number % len(BAD)])


def _appended(answer: httpx.Response) -> list[int]:
    if answer.status_code != 200:
        return []
    said: dict[str, Any] = answer.json()
    results = said.get("results", [{"outcome": "appended", **said}])
    return [each["position"] for each in results if each["outcome"] == "appended"]


async def _projected(served: Served, position: int) -> None:
    async with asyncio.timeout(30):
        while await query(served.generation, "SELECT position FROM checkpoint") != [(position,)]:
            pass


async def _differences(store: Store, served: Served) -> list[Difference]:
    portals = [served.portal]
    found = [each async for each in verify_log(store, portals, _silent)]
    return found + [each async for each in verify_read_models(store, portals, _silent)]


def _silent(_done: int, _total: int) -> None:
    pass
