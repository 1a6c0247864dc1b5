"""Promises 1, 2, 3 and 5: a server killed at any moment has lost nothing that it answered for."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest

from eventstore.appender import Appender
from eventstore.database import Pool
from eventstore.event import NewEvent
from eventstore.log import Origin, Outcome, Pending, SqliteLog
from projections.project import checkpoints
from projections.verify import Difference, verify_log, verify_read_models
from tests import samples
from tests.promises.payloads import form
from tests.promises.process import ServerProcess, running
from tests.promises.server import FORM, SLUG, Registered, query, register

CONNECTIONS: Final = 6
KILLS: Final = 4


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


async def test_what_was_answered_is_there_once_after_every_kill(tmp_path: Path) -> None:
    registered = await register(tmp_path / "data")
    log = tmp_path / "server.log"
    known = Acknowledged()

    for seed in range(KILLS):
        random = Random(seed)  # noqa: S311  (no secret is made)
        server = await asyncio.to_thread(ServerProcess, registered.folder, log)
        await _send_until_killed(server, registered, known, random)
        _assert_all_is_there(registered, known)
    await _catch_up(registered, log)

    assert len(known.webhooks) > 10 * KILLS
    assert len(known.items) > 10 * KILLS
    assert await _differences(registered) == []


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


def _assert_all_is_there(registered: Registered, known: Acknowledged) -> None:
    rows = query(
        registered.folder.log,
        "SELECT position, source, key, json_extract(payload, '$.data.PARAMS.TEMPLATE_ID')"
        " FROM event ORDER BY position",
    )
    webhooks = {name: position for position, source, _, name in rows if source == "webhook"}
    items = {
        int(key.removeprefix("fetch:")): position
        for position, source, key, _ in rows
        if source != "webhook"
    }
    assert [position for position, *_ in rows] == list(range(1, len(rows) + 1))
    assert len(webhooks) + len(items) == len(rows)  # nothing is there twice
    assert known.webhooks.items() <= webhooks.items()
    assert known.items.items() <= items.items()
    assert query(registered.folder.log, "PRAGMA integrity_check") == [("ok",)]


async def _catch_up(registered: Registered, log: Path) -> None:
    """Let a last server project all that there is, and stop it."""

    def wait() -> None:
        with running(registered.folder, log) as server:
            while httpx.get(f"{server.url}/readyz").json() != {"status": "ready", "lag": 0}:
                pass

    await asyncio.to_thread(wait)


async def _differences(registered: Registered) -> list[Difference | str]:
    """Derive everything again, and compare."""
    folder = registered.folder
    catalog = await folder.open_catalog()
    try:
        portals = list((await catalog.snapshot()).portals.values())
        number = await catalog.generation()
    finally:
        await catalog.close()
    generation = Pool(folder.generation(number), 1)
    try:
        async with generation.reading() as session:
            reached = await checkpoints(session)
    finally:
        await generation.close()
    ((head,),) = query(folder.log, "SELECT max(position) FROM event")
    found: list[Difference | str] = []
    if reached != {portals[0].id: head}:
        found.append(f"projected up to {reached}, the head is {head}")
    found += [each async for each in verify_log(folder, portals, _silent)]
    found += [each async for each in verify_read_models(folder, number, portals, _silent)]
    return found


def _silent(_done: int, _total: int) -> None:
    pass


# --- what the kills above cannot time: the moment between an answer and its commit


class Watched:
    """A commit that says when it has begun, and goes on when it is told to."""

    def __init__(self, path: Path) -> None:
        self.log = SqliteLog(path)
        self.log.open()
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, batch: Any) -> list[Outcome]:
        self._loop.call_soon_threadsafe(self.begun.set)
        asyncio.run_coroutine_threadsafe(self.go_on.wait(), self._loop).result(30)
        return self.log.append(batch)


async def test_nobody_is_answered_before_the_commit(tmp_path: Path) -> None:
    commit = Watched(tmp_path / "log.db")
    appender = Appender(commit)
    event = NewEvent("key", "webhook", "app", None, "X", 1, None, "{}")

    answer = asyncio.create_task(appender.append_all([Pending(Origin(1, b"k"), event)]))
    await commit.begun.wait()
    await asyncio.sleep(0.01)
    answered, there = answer.done(), query(commit.log.path, "SELECT * FROM event")
    commit.go_on.set()

    assert not answered
    assert there == []
    assert await answer == [Outcome("appended", 1)]
    assert len(query(commit.log.path, "SELECT * FROM event")) == 1
    await appender.close()
    commit.log.close()


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_a_commit_whose_outcome_is_unknown_is_not_answered_for(
    tmp_path: Path, fails: str
) -> None:
    """Whether it landed or not: to send it again makes one event of it."""
    log = SqliteLog(tmp_path / "log.db")
    failures = Counter({fails: 1})

    def commit(batch: Any) -> list[Outcome]:
        if failures["before"]:
            failures.clear()
            raise OSError("the disk is gone")
        outcomes = log.append(batch)
        if failures["after"]:
            failures.clear()
            raise OSError("the answer is gone")
        return outcomes

    appender = Appender(commit)
    pending = [Pending(Origin(1, b"k"), NewEvent("key", "fetch", "app", 7, "X", 1, None, "{}"))]

    with pytest.raises(OSError, match="is gone"):
        await appender.append_all(pending)
    (again,) = await appender.append_all(pending)

    assert again.position == 1
    assert len(query(log.path, "SELECT * FROM event")) == 1
    await appender.close()
    log.close()
