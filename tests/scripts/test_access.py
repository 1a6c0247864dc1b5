"""`chronicle access`: who looked, as lines that a program reads, while a server runs."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from eventstore.store import Store
from tests.engines import damage
from tests.samples import sample
from tests.scripts.conftest import Command, serving, settled


@pytest.fixture
def looked(chronicle: Command, acme: str) -> list[Any]:
    """A server's reader has looked once, and then at who looked."""
    options = ("--scope", "messages:read", "--scope", "audit", "--json")
    made = chronicle("token", "create", "--portal", "acme", *options).json
    with serving() as (_, url), httpx.Client(base_url=url) as client:
        client.post(acme, content=sample("imbot_v2/onimbotv2messageadd.json"))
        client.headers["Authorization"] = f"Bearer {made['token']}"
        settled(chronicle)
        client.get("/v1/portals/acme/messages/1")  # which is not there
        client.get("/v1/portals/acme/messages", params={"limit": 1, "state": "live"})
        while_it_runs = lines(chronicle("access", "--portal", "acme").out)
        over_http: list[Any] = client.get("/v1/portals/acme/access").json()["data"]
    assert while_it_runs == over_http
    return over_http


def lines(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


def test_it_prints_a_line_for_each_look(chronicle: Command, looked: list[Any]) -> None:
    printed = lines(chronicle("access", "--portal", "acme").out)

    assert printed[:-1] == looked
    assert [entry["route"].rpartition("/")[2] for entry in printed] == ["messages", "access"]
    assert printed[0]["filters"] == {"limit": "1", "state": "live"}


def test_it_goes_on_behind_a_position(chronicle: Command, looked: list[Any]) -> None:
    printed = lines(chronicle("access", "--portal", "acme", "--after", "1").out)

    assert [entry["position"] for entry in printed] == [2]
    assert chronicle("access", "--portal", "acme", "--after", "2").out == ""


def test_a_portal_that_does_not_exist_is_one_line(chronicle: Command, acme: str) -> None:
    refused = chronicle("access", "--portal", "initech")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "initech" in refused.err


@pytest.mark.usefixtures("looked")
def test_verify_names_the_entry_that_was_changed(chronicle: Command, fresh: Store) -> None:
    before = chronicle("verify")
    asyncio.run(
        damage(
            fresh.access_log,
            "UPDATE event SET receiver = 'token:000000000000' WHERE portal_id = 1 AND position = 1",
        )
    )

    after = chronicle("verify", "--json")

    assert (before.status, after.status) == (0, 1)
    assert after.json["differences"] == [
        {
            "portal": "acme",
            "place": "access event 1",
            "detail": "leaf does not match what is stored",
        }
    ]
