"""The server: it says where it is, stops when told, and refuses in one line."""

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from eventstore.lock import find_server, hold
from tests.samples import sample
from tests.scripts.conftest import Command, serving


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_and_stops_cleanly(
    data: Path, acme: str, number: signal.Signals
) -> None:
    with serving() as (process, url):
        found = find_server(data / "lock")
        healthy = httpx.get(f"{url}/healthz").status_code
        process.send_signal(number)
        status = process.wait(timeout=10)

    assert found is not None
    assert found.url == url
    assert healthy == 200
    assert status == 0
    assert find_server(data / "lock") is None
    assert not list(data.glob("*-wal"))  # closed, not cut off


def test_an_ingest_key_is_never_logged(acme: str) -> None:
    with serving() as (process, url):
        httpx.post(f"{url}{acme}?CLIENT_ID=hunter2", content=sample("legacy/onimcommandadd.form"))
        httpx.post(f"{url}{acme}", content=b"not readable")
        httpx.post(f"{url}{acme}x", content=b"not readable")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        logged = process.stderr.read()

    assert "quarantine" in logged
    assert acme.rpartition("/")[2] not in logged
    assert "hunter2" not in logged


def test_the_server_header_is_not_sent(server: str) -> None:
    assert "server" not in httpx.get(f"{server}/healthz").headers


def test_a_port_that_is_taken_is_one_line(chronicle: Command, acme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = chronicle("serve", "--port", str(taken.getsockname()[1]))

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "Address already in use" in refused.err


def test_a_store_in_use_is_one_line(chronicle: Command, data: Path, acme: str) -> None:
    with hold(data / "lock"):
        refused = chronicle("serve", "--port", "0")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "in use" in refused.err


def test_another_installation_key_is_one_line(chronicle: Command, data: Path, acme: str) -> None:
    (data / "secret.key").write_text(f"1 {os.urandom(32).hex()}\n")

    refused = chronicle("serve", "--port", "0")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "secret key" in refused.err


def test_a_folder_that_cannot_be_is_one_line(chronicle: Command, data: Path) -> None:
    data.write_text("a file, not a folder")

    refused = chronicle("serve", "--port", "0")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert str(data) in refused.err


def test_status_sees_what_a_running_server_takes(
    chronicle: Command, acme: str, server: str
) -> None:
    httpx.post(f"{server}{acme}", content=sample("legacy/onimbotmessageadd.form"))
    httpx.post(f"{server}{acme}", content=b"not readable")
    until = time.monotonic() + 5
    while chronicle("status", "--json").json[0]["lag"] and time.monotonic() < until:
        pass

    assert chronicle("status", "--json").json == [
        {
            "portal": "acme",
            "head": 1,
            "projected": 1,
            "lag": 0,
            "undecoded": 0,
            "quarantined": 1,
            "rejected": 0,
        }
    ]
