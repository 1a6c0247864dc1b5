"""A server process is started while its database is away: it takes events all the same."""

import time
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from eventstore.postgres_store import PostgresStore
from tests.engines import query
from tests.faults.deliveries import webhook
from tests.faults.tallies import Tally
from tests.postgresql.server import Stop, private_server
from tests.promises.process import running
from tests.promises.server import FORM, register

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("started without its database")]

EVENTS: Final = 5
"""Sent by each of the servers."""

_PATIENCE: Final = 60
"""Seconds after which a spool that does not drain is a failure."""


class Portal:
    """Who sends webhooks to one server after another."""

    def __init__(self, ingest_key: str) -> None:
        self._path = f"/v1/hooks/{ingest_key}"
        self.sent = 0

    def send(self, url: str) -> list[dict[str, Any]]:
        """Send some webhooks; return what was answered."""
        answers = []
        for _ in range(EVENTS):
            self.sent += 1
            body, headers = webhook(self.sent), {"Content-Type": FORM}
            answer = httpx.post(f"{url}{self._path}", content=body, headers=headers)
            assert answer.status_code == httpx.codes.OK, answer.text
            answers.append(answer.json())
        return answers


async def test_what_a_server_took_that_never_saw_its_database_is_not_lost(
    tally: Tally, tmp_path: Path
) -> None:
    log, spool = tmp_path / "server.log", {"CHRONICLE_SPOOL": str(tmp_path / "spool")}
    with private_server() as database:
        store = PostgresStore(database.url(), tmp_path / "secret.key")
        portal = Portal((await register(store)).ingest_key)
        with running(store, log, **spool) as server:
            assert [answer["position"] for answer in portal.send(server.url)] == [1, 2, 3, 4, 5]

        database.stop(Stop.FAST)
        with running(store, log, **spool) as server:
            assert portal.send(server.url) == [{"position": None, "spooled": True}] * EVENTS
            said = _ready(server.url)
            assert (said["status"], said["spool"]["events"]) == ("spooling", EVENTS)
            server.kill()
        with running(store, log, **spool) as server:
            portal.send(server.url)
            database.start()
            _wait_until_drained(server.url)
            assert portal.send(server.url)[-1]["position"] == portal.sent
        tally.ran(acknowledged=portal.sent)

        stored = await query(store.log, "SELECT position, key FROM event ORDER BY position")
    assert [position for position, _ in stored] == list(range(1, portal.sent + 1))
    assert len({key for _, key in stored}) == portal.sent


def _ready(url: str) -> Any:
    return httpx.get(f"{url}/readyz").json()


def _wait_until_drained(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (said := _ready(url))["status"] != "ready" or said["spool"]["events"]:
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
