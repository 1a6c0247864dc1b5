"""`chronicle reconcile` reads a portal over HTTPS, with a server and without one."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventstore.catalog import Catalog
from eventstore.fetching import pace
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.store import Store
from tests.portal import portal as simulated
from tests.portal.clock import Clock
from tests.portal.server import Address, serving
from tests.scripts.conftest import Command, settled, started
from tests.scripts.conftest import serving as chronicle_serving


@dataclass
class Portal:
    """A simulated portal that listens, in a thread of its own."""

    simulated: simulated.Portal
    address: Address


@pytest.fixture
def portal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """A portal with a chat of 120 messages."""
    made = simulated.Portal(clock=Clock(running=True))
    chat = made.world.open_chat("Kitchen", [41, 58, 63])
    for number in range(120):
        made.world.post(chat.id, 41, f"word {number}")
    ready, end = threading.Event(), threading.Event()
    found: list[Address] = []

    async def serve() -> None:
        async with serving(made, tmp_path / "tls") as address:
            found.append(address)
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    monkeypatch.setenv("CHRONICLE_CA_BUNDLE", str(found[0].ca_bundle))
    monkeypatch.setattr(pace, "_SPACING", 0.0)
    yield Portal(made, found[0])
    end.set()
    thread.join()


@pytest.fixture
def connected(acme: str, fresh: Store, portal: Portal) -> Portal:
    """The portal, and a connection of it: user 58, by a webhook."""

    async def connect() -> None:
        catalog = await Catalog.open(fresh)
        hook = Webhook.read(portal.address.webhook_url(portal.simulated.add_webhook(58)))
        found = (await catalog.snapshot()).portal("acme")
        await Connections(catalog).add(found.id, "user:58", Credentials(hook), now=1)
        await catalog.close()

    asyncio.run(connect())
    return portal


def test_what_was_read_is_appended_and_projected(connected: Portal, chronicle: Command) -> None:
    ran = chronicle("reconcile", "--portal", "acme", "--json")

    assert ran.status == 0, ran.err
    assert ran.json == {
        **dict.fromkeys(("limited", "lost", "refused", "missing"), 0),
        "read": 1,
        "messages": 120,
        "appended": 5,
        "calls": 7,
        "stopped": False,
    }
    (status,) = chronicle("status", "--json").json
    assert (status["head"], status["lag"], status["undecoded"]) == (5, 0, 0)


def test_beside_a_server_it_delivers_there(connected: Portal, chronicle: Command) -> None:
    with chronicle_serving():
        first = chronicle("reconcile", "--portal", "acme", "--receiver", "user:58", "--json")
        second = chronicle("reconcile", "--portal", "acme", "--chat", "2201", "--again")
        (status,) = settled(chronicle)

    assert (first.status, first.json["appended"]) == (0, 5)
    assert "120" in second.out
    assert (status["lag"], status["undecoded"]) == (0, 0)


def test_it_says_what_it_cannot_do(connected: Portal, chronicle: Command) -> None:
    chronicle("portal", "add", "other", "--member-id", "other")
    assert "no connection" in chronicle("reconcile", "--portal", "other").err
    assert chronicle("reconcile", "--portal", "acme", "--since", "yesterday").status == 2
    assert chronicle("reconcile", "--portal", "acme", "--receiver", "user:9").status == 1
    lost = chronicle("reconcile", "--portal", "acme", "--chat", "99", "--json")
    assert (lost.status, lost.json["lost"]) == (0, 1)
    assert "chat 99: user:58 got ACCESS_ERROR" in lost.err

    for webhook in [*connected.simulated._webhooks]:  # noqa: SLF001 - all of them
        connected.simulated.revoke_webhook(webhook)
    refused = chronicle("reconcile", "--portal", "acme")
    assert (refused.status, "INVALID_CREDENTIALS" in refused.err) == (1, True)
    assert "fakecode" not in refused.err


def test_who_is_interrupted_ends_in_order(connected: Portal, chronicle: Command) -> None:
    with started("reconcile", "--portal", "acme", "--json", stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 20
        while connected.simulated.calls.count("im.dialog.messages.get") < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    assert '"stopped":true' in out
    ran = chronicle("reconcile", "--portal", "acme", "--json")
    assert (ran.status, ran.json["stopped"]) == (0, False)
