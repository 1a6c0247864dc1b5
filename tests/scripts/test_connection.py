"""Connections: secrets are taken and never shown, and what a queue sees is said."""

import asyncio
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventstore.store import Store
from tests.engines import on_sqlite, stored_bytes
from tests.portal.bots import Bot
from tests.portal.clock import Clock
from tests.portal.portal import Portal
from tests.portal.server import Address, serving
from tests.scripts.conftest import Command, Ran, started
from tests.scripts.conftest import serving as serving_store

pytestmark = on_sqlite
"""On SQLite alone: what the catalog keeps of connections is tested on both engines."""


class Listening:
    """A portal that listens, in a thread of its own: commands have loops of theirs."""

    def __init__(self, folder: Path) -> None:
        self.portal = Portal(clock=Clock(time.time(), running=True))
        self.chat = self.portal.world.open_chat("War room", [41, 58, 931])
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._folder = folder
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serving(self.portal, self._folder) as self.address:
            self._ready.set()
            await self._stop.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def hook(self, user: int = 58) -> str:
        """Return the URL of a new webhook of a user."""
        return self.address.webhook_url(self.portal.add_webhook(user))

    address: Address


@pytest.fixture
def portal(
    tmp_path: Path, chronicle: Command, acme: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Listening]:
    """A portal that the commands of this test trust."""
    listening = Listening(tmp_path / "tls")
    monkeypatch.setenv("CHRONICLE_CA_BUNDLE", str(listening.address.ca_bundle))
    monkeypatch.setenv("CHRONICLE_OAUTH_SERVER", listening.address.url)
    yield listening
    listening.close()


def add(chronicle: Command, url: str, *options: Any) -> Ran:
    return chronicle(
        "connection",
        "add",
        "--portal",
        "acme",
        "--webhook-url",
        "-",
        *options,
        stdin=url.encode() + b"\n",
    )


def test_a_users_queue_is_subscribed_to_and_says_what_it_sees(
    chronicle: Command, portal: Listening
) -> None:
    added = add(chronicle, portal.hook())

    assert added.status == 0
    assert f"acme: user:58 at {portal.address.domain} is connection 1" in added.err
    assert (
        "sees every message, edit, deletion, reaction and join in all chats of user:58" in added.err
    )
    assert "does not see chats that user:58 is not in" in added.err
    assert 58 in portal.portal.queues.subscribed
    listed = chronicle("connection", "list", "--json").json
    assert [(row["receiver"], row["state"]) for row in listed] == [("user:58", "new")]


def test_no_secret_is_shown_or_kept_in_clear(
    chronicle: Command, portal: Listening, fresh: Store
) -> None:
    portal.portal.add_bot(Bot(931, "FAKE_BOT_TOKEN"))
    added = chronicle(
        "connection", "add", "--portal", "acme", "--receiver", "bot:931",
        "--webhook-url", "-", "--bot-token", "-",
        stdin=portal.hook().encode() + b"\nFAKE_BOT_TOKEN\n",
    )  # fmt: skip

    said = [
        added,
        chronicle("connection", "list"),
        chronicle("connection", "test", "--portal", "acme"),
    ]
    assert [ran.status for ran in said] == [0, 0, 0], said
    kept = asyncio.run(stored_bytes(fresh)).decode("latin-1")
    for secret in ("fakecode", "FAKE_BOT_TOKEN"):
        assert secret not in kept
        assert not any(secret in ran.out + ran.err for ran in said)


def test_what_a_portal_refuses_is_not_registered(chronicle: Command, portal: Listening) -> None:
    url = portal.hook().replace("fakecode", "anothercode")

    refused = add(chronicle, url)

    assert refused.status == 1
    assert refused.err == (
        "chronicle: im.v2.Event.subscribe: INVALID_CREDENTIALS: nothing was registered\n"
    )
    assert chronicle("connection", "list", "--json").json == []


def test_an_application_is_registered_with_its_tokens(
    chronicle: Command, portal: Listening, tmp_path: Path
) -> None:
    application = portal.portal.oauth.install()
    grant = portal.portal.oauth.grant(application, 58) | {"expires": 1}
    secret, tokens = tmp_path / "secret.txt", tmp_path / "token.json"
    secret.write_text(application.client_secret + "\n")
    tokens.write_text(json.dumps(grant))

    added = chronicle(
        "connection", "add", "--portal", "acme", "--app-id", application.client_id,
        "--app-secret-file", secret, "--token-file", tokens, "--json",
    )  # fmt: skip

    assert (added.json["receiver"], added.json["method"]) == ("user:58", "oauth")
    assert portal.portal.oauth.refreshed == 1
    assert chronicle("connection", "test", "--portal", "acme", "user:58").status == 0
    assert portal.portal.oauth.refreshed == 1  # the new token was kept


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--webhook-url", "http://127.0.0.1/rest/58/FAKECODE/"], "must begin with https://"),
        (["--webhook-url", "https://127.0.0.1/rest/58/FAKECODE/", "--app-id", "x"], "not both"),
        ([], "give --webhook-url, or --app-id"),
        (
            ["--webhook-url", "https://127.0.0.1/rest/58/FAKECODE/", "--receiver", "user:41"],
            "these credentials are of user:58",
        ),
        (
            ["--webhook-url", "https://127.0.0.1/rest/58/FAKECODE/", "--receiver", "bot:931"],
            "needs --bot-token",
        ),
        (
            ["--webhook-url", "https://127.0.0.1/rest/58/FAKECODE/", "--bot-token", "x"],
            "are for bots",
        ),
    ],
)
def test_what_cannot_be_a_connection_is_wrong_usage(
    chronicle: Command, acme: str, options: list[str], why: str
) -> None:
    refused = chronicle("connection", "add", "--portal", "acme", *options)

    assert refused.status == 2
    assert why in refused.err.replace("\n", " ").replace("│", "")
    assert "FAKECODE" not in refused.err


def test_another_portals_credentials_are_refused(chronicle: Command, portal: Listening) -> None:
    chronicle("portal", "add", "globex", "--member-id", "m2", "--domain", "globex.bitrix24.example")
    url = portal.hook()
    arguments = ("connection", "add", "--portal", "globex", "--webhook-url", url)

    refused = chronicle(*arguments)
    allowed = chronicle(*arguments, "--other-domain")

    assert refused.status == 2
    assert "globex is at globex.bitrix24.example" in refused.err
    assert allowed.status == 0


def test_a_removed_queue_stays_subscribed_unless_asked(
    chronicle: Command, portal: Listening
) -> None:
    add(chronicle, portal.hook())

    removed = chronicle("connection", "remove", "--portal", "acme", "1")

    assert "the user is still subscribed" in removed.err
    assert 58 in portal.portal.queues.subscribed
    add(chronicle, portal.hook())
    portal.portal.world.post(portal.chat.id, 41, "a word")
    refused = chronicle("connection", "remove", "--portal", "acme", "user:58", "--unsubscribe")
    assert "1 events wait in the queue and would be lost" in refused.err
    assert chronicle("poll", "--once").status == 0
    ended = chronicle("connection", "remove", "--portal", "acme", "user:58", "--unsubscribe")
    assert ended.status == 0, ended
    assert 58 not in portal.portal.queues.subscribed


def test_a_poll_empties_the_queues_and_says_what_came(
    chronicle: Command, portal: Listening
) -> None:
    add(chronicle, portal.hook())
    for number in range(3):
        portal.portal.world.post(portal.chat.id, 41, f"word {number}")

    first, again = (chronicle("poll", "--once", "--json") for _ in range(2))

    assert first.json == [
        {
            "portal": "acme",
            "receiver": "user:58",
            "fetched": 3,
            "appended": 3,
            "quarantined": 0,
            "busy": False,
            "error": None,
        }
    ]
    assert again.json[0]["appended"] == 0
    events = chronicle("status", "--json").json
    assert events[0]["queues"] == [
        {
            "receiver": "user:58",
            "state": "ok",
            "error": None,
            "seconds_left": pytest.approx(86_400, abs=120),
        }
    ]


def test_a_poll_that_fails_says_whose_and_why(chronicle: Command, portal: Listening) -> None:
    add(chronicle, portal.hook())
    portal.portal.switches.network = "cut_before"

    failed = chronicle("poll", "--once")

    assert failed.status == 1
    assert "1 of 1 queues could not be read: acme user:58: im.v2.Event" in failed.err
    assert chronicle("connection", "list", "--json").json[0]["state"] == "unreachable"


def test_there_is_nothing_to_poll(chronicle: Command, acme: str) -> None:
    nothing = chronicle("poll", "--once")

    assert nothing.status == 1
    assert "`chronicle connection add` registers a queue" in nothing.err


def test_beside_a_server_what_is_fetched_goes_through_it(
    chronicle: Command, portal: Listening
) -> None:
    add(chronicle, portal.hook())
    portal.portal.world.post(portal.chat.id, 41, "a word")
    token = chronicle("token", "create", "--portal", "acme", "--scope", "events:read", "--json")
    with serving_store() as (_, url):
        polled = chronicle("poll", "--once", "--json")
        answer = httpx.get(
            f"{url}/v1/portals/acme/events",
            headers={"Authorization": f"Bearer {token.json['token']}"},
        ).json()

    assert polled.json[0]["appended"] == 1
    told = [(each["event_type"], each["source"], each["receiver"]) for each in answer["data"]]
    assert told == [
        ("ONIMV2MESSAGEADD", "fetch", "user:58"),
        ("CHRONICLEQUEUEWATCHED", "fetch", "user:58"),
    ]


def test_a_server_polls_if_it_is_told_to(
    chronicle: Command, portal: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(chronicle, portal.hook())
    portal.portal.world.post(portal.chat.id, 41, "a word")
    monkeypatch.setenv("CHRONICLE_POLL", "true")
    with serving_store():
        deadline = time.monotonic() + 30
        while chronicle("status", "--json").json[0]["head"] < 2 and time.monotonic() < deadline:
            time.sleep(0.05)

    status = chronicle("status", "--json").json[0]
    assert status["queues"][0]["state"] == "ok"
    assert status["head"] >= 2


def test_poll_goes_on_until_it_is_stopped_and_tells_what_it_saw(
    chronicle: Command, portal: Listening
) -> None:
    add(chronicle, portal.hook())
    portal.portal.world.post(portal.chat.id, 41, "a word")
    with started("poll", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "polling 1 queue; Ctrl-C ends it\n"
        deadline = time.monotonic() + 30
        while chronicle("status", "--json").json[0]["head"] < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    assert chronicle("connection", "list", "--json").json[0]["fetched"] == 1
    assert chronicle("poll", "--once", "--json").json[0]["busy"] is False
