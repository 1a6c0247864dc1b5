"""Promises 1, 2, 3 and 5: a server killed at any moment has lost nothing that it answered for."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
from pydantic_core import from_json

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.folder import Folder
from eventstore.store import Store
from projections.difference import Difference
from projections.project import checkpoints
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.engines import damage, query
from tests.portal.payloads import form
from tests.promises.process import ServerProcess, running
from tests.promises.server import FORM, SLUG, Registered, register

CONNECTIONS: Final = 6
KILLS: Final = 2


@dataclass
class Acknowledged:
    """What the server has answered for, as its clients know it."""

    webhooks: dict[str, int] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)
    sent: int = 0
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def want(self, more: int) -> None:
        """Ask to be told when so many more webhooks were answered."""
        self.wanted = len(self.webhooks) + more
        self.enough.clear()

    def answered(self, name: str, position: int) -> None:
        self.webhooks[name] = position
        if len(self.webhooks) >= self.wanted:
            self.enough.set()


async def test_what_was_answered_is_there_once_after_every_kill(
    fresh: Store, tmp_path: Path
) -> None:
    registered = await register(fresh)
    log = tmp_path / "server.log"
    known = Acknowledged()

    for seed in range(KILLS):
        random = Random(seed)  # noqa: S311  (no secret is made)
        server = await asyncio.to_thread(ServerProcess, fresh, log)
        await _send_until_killed(server, registered, known, random)
        await _assert_all_is_there(fresh, known)
        assert await _broken(fresh) == []
    await _catch_up(registered, log)

    assert len(known.webhooks) > 10 * KILLS
    assert len(known.items) > 10 * KILLS
    assert await _differences(fresh) == []


async def _send_until_killed(
    server: ServerProcess, registered: Registered, known: Acknowledged, random: Random
) -> None:
    known.want(random.randrange(20, 120))
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                seed = Random(random.random())  # noqa: S311
                tasks.create_task(_send(server.url, registered, known, seed))
            await known.enough.wait()  # no kill before there is something to lose
            await asyncio.sleep(random.random() / 50)
            server.kill()
    finally:
        server.kill()


async def _send(url: str, registered: Registered, known: Acknowledged, random: Random) -> None:
    """Send webhooks, and batches of items some of which were sent before, until nobody answers."""
    item = samples.tree("im_v2/onimv2messageadd.json")
    async with httpx.AsyncClient(base_url=url) as client:
        while True:
            known.sent += 1
            number = known.sent
            batch = [number * 10 + n for n in range(random.randrange(1, 4))]
            batch += random.sample(sorted(known.items), min(len(known.items), 2))
            try:
                await _send_webhook(client, registered, known, str(number))
                await _send_items(client, registered, known, [_numbered(item, n) for n in batch])
            except httpx.TransportError:
                return


async def _send_webhook(
    client: httpx.AsyncClient, registered: Registered, known: Acknowledged, name: str
) -> None:
    webhook = samples.tree("legacy/onimbotmessageadd.json")
    webhook["data"]["PARAMS"] |= {"MESSAGE_ID": name, "TEMPLATE_ID": name}
    answer = await client.post(
        f"/v1/hooks/{registered.ingest_key}",
        content=form(webhook),
        headers={"Content-Type": FORM},
    )
    assert answer.status_code == 200
    known.answered(name, answer.json()["position"])


async def _send_items(
    client: httpx.AsyncClient,
    registered: Registered,
    known: Acknowledged,
    items: list[dict[str, Any]],
) -> None:
    answer = await client.post(
        f"/v1/portals/{SLUG}/events",
        content=json.dumps({"result": {"events": items}}),
        headers={"Authorization": f"Bearer {registered.token}"},
    )
    assert answer.status_code == 200
    for sent, result in zip(items, answer.json()["results"], strict=True):
        before = known.items.setdefault(sent["eventId"], result["position"])
        assert before == result["position"]


def _numbered(item: dict[str, Any], number: int) -> dict[str, Any]:
    message = {**item["data"]["message"], "id": 1_000_000 + number}
    return {**item, "eventId": number, "data": {**item["data"], "message": message}}


async def _assert_all_is_there(store: Store, known: Acknowledged) -> None:
    rows = await query(
        store.log, "SELECT position, source, key, payload FROM event ORDER BY position"
    )
    webhooks = {
        from_json(payload)["data"]["PARAMS"]["TEMPLATE_ID"]: position
        for position, source, _, payload in rows
        if source == "webhook"
    }
    items = {
        int(key.removeprefix("fetch:")): position
        for position, source, key, _ in rows
        if source != "webhook"
    }
    assert [position for position, *_ in rows] == list(range(1, len(rows) + 1))
    assert len(webhooks) + len(items) == len(rows)  # nothing is there twice
    assert known.webhooks.items() <= webhooks.items()
    assert known.items.items() <= items.items()


async def _broken(store: Store) -> list[str]:
    """Say what the engine itself finds wrong with the log."""
    if isinstance(store, Folder):
        found = await query(store.log, "PRAGMA integrity_check")
        return [said for (said,) in found if said != "ok"]
    await damage(store.log, "CREATE EXTENSION IF NOT EXISTS amcheck")
    found = await query(
        store.log,
        "SELECT msg FROM verify_heapam('event') UNION ALL SELECT msg FROM verify_heapam('log_head')"
        " UNION ALL SELECT bt_index_check(indexrelid, true)::text FROM pg_index"
        " WHERE indrelid IN ('event'::regclass, 'log_head'::regclass)",
    )
    return [said for (said,) in found if said]


async def _catch_up(registered: Registered, log: Path) -> None:
    """Let a last server project all that there is, and stop it."""

    def wait() -> None:
        with running(registered.store, log) as server:
            while (said := httpx.get(f"{server.url}/readyz").json())["status"] != "ready" or said[
                "lag"
            ]:
                time.sleep(0.01)

    await asyncio.to_thread(wait)


async def _differences(store: Store) -> list[Difference | str]:
    """Derive everything again, and compare."""
    catalog = await Catalog.open(store)
    try:
        portals = list((await catalog.snapshot()).portals.values())
    finally:
        await catalog.close()
    generation = Pool(store.generation(portals[0].generation), 1)
    try:
        async with generation.reading() as session:
            reached = await checkpoints(session)
    finally:
        await generation.close()
    ((head,),) = await query(store.log, "SELECT max(position) FROM event")
    found: list[Difference | str] = []
    if reached != {portals[0].id: head}:
        found.append(f"projected up to {reached}, the head is {head}")
    found += [each async for each in verify_log(store, portals, _silent)]
    found += [each async for each in verify_read_models(store, portals, _silent)]
    return found


def _silent(_done: int, _total: int) -> None:
    pass
