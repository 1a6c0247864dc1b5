"""The server: it says where it is, stops when told, and refuses in one line."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from eventstore.store import Store
from tests.engines import on_postgresql, on_sqlite, stamp
from tests.postgresql.server import private_server
from tests.samples import sample
from tests.scripts.conftest import MEMBER_ID, Command, Ran, serving, settled

NOTHING_WAITS = {"events": 0, "bytes": 0, "oldest_seconds": 0, "refused": 0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_stops_cleanly(acme: str, number: signal.Signals) -> None:
    with serving() as (process, url):
        healthy = httpx.get(f"{url}/healthz").status_code
        process.send_signal(number)
        status = process.wait(timeout=10)

    assert healthy == 200
    assert status == 0


@on_sqlite
def test_it_announces_itself_and_closes_its_files(acme: str, fresh: Store) -> None:
    """Commands deliver through the one writer of an embedded store; PostgreSQL needs none."""
    with serving() as (_, url):
        found = fresh.find_server()
        read = httpx.get(f"{url}/metrics").status_code  # opens what reads each file

    assert read == 200
    assert found is not None
    assert found.url == url
    assert fresh.find_server() is None
    assert not list(Path(fresh.name).glob("*-wal"))  # closed, not cut off


@on_postgresql
def test_two_servers_are_one_to_their_clients(
    chronicle: Command, acme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where more than one process may write."""
    made = chronicle("token", "create", "--portal", "acme", "--scope", "messages:read", "--json")
    bearer = {"Authorization": f"Bearer {made.json['token']}"}
    body = sample("legacy/onimbotmessageadd.form")
    with serving() as (_, one):
        monkeypatch.setenv("CHRONICLE_SPOOL", str(tmp_path / "another-spool"))  # each its own
        with serving() as (_, other):
            urls = (one, other)
            sent = [httpx.post(f"{url}{acme}", content=body).json()["position"] for url in urls]
            message = "/v1/portals/acme/messages/190411?min_position=2"
            read = [httpx.get(f"{url}{message}", headers=bearer).json() for url in urls]

    assert sent == [1, 2]
    assert read[0] == read[1]
    assert read[0]["data"]["text"]


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

    assert one_line(refused)
    assert "Address already in use" in refused.err


@on_sqlite
def test_a_store_in_use_is_one_line(chronicle: Command, acme: str, fresh: Store) -> None:
    """An embedded store has one writer; PostgreSQL takes several servers."""
    with fresh.hold():
        refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert "in use" in refused.err


def test_another_installation_key_is_one_line(chronicle: Command, acme: str, fresh: Store) -> None:
    fresh.secret_key.write_text(f"1 {os.urandom(32).hex()}\n")

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert "secret key" in refused.err


def test_a_key_that_cannot_be_read_is_one_line(chronicle: Command, acme: str, fresh: Store) -> None:
    fresh.secret_key.unlink()
    fresh.secret_key.mkdir()

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert f"{fresh.secret_key} cannot be read" in refused.err


@on_sqlite
def test_a_folder_that_cannot_be_is_one_line(chronicle: Command, fresh: Store) -> None:
    """Only an embedded store is a folder."""
    Path(fresh.name).write_text("a file, not a folder")

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert fresh.name in refused.err


@on_postgresql
def test_a_server_that_is_told_no_key_file_is_one_line(
    chronicle: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedded store has a place for its key; servers of a database must be told of one."""
    monkeypatch.delenv("CHRONICLE_SECRET_KEY_FILE")

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert "CHRONICLE_SECRET_KEY_FILE must be set" in refused.err


@on_postgresql
def test_a_key_file_that_cannot_be_made_is_one_line_and_can_be_mended(
    chronicle: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedded store has a place for its key."""
    monkeypatch.setenv("CHRONICLE_SECRET_KEY_FILE", str(tmp_path / "no-such-folder" / "key"))
    refused = chronicle("serve", "--port", "0")
    monkeypatch.setenv("CHRONICLE_SECRET_KEY_FILE", str(tmp_path / "key"))
    mended = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID)

    assert one_line(refused)
    assert "no-such-folder" in refused.err
    assert mended.status == 0


@on_postgresql
def test_a_database_that_does_not_answer_is_one_line(
    chronicle: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only PostgreSQL is elsewhere."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("CHRONICLE_DATABASE", f"postgresql://me:hunter2@127.0.0.1:{port}/chronicle")

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert f"127.0.0.1:{port}/chronicle: " in refused.err
    assert "hunter2" not in refused.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"database": "no_such"}, '"no_such" does not exist'),
        ({"password": "hunter2"}, "password authentication failed"),
        ({"host": "no-such-host.invalid"}, "no-such-host.invalid"),
        ({"query": {"sslmode": "hunter2"}}, "sslmode"),
        ({"query": {"no_such_setting": "1"}}, "no_such_setting"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
@on_postgresql
def test_a_database_that_lets_nobody_in_is_one_line(
    chronicle: Command, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], says: str
) -> None:
    """Only PostgreSQL asks who comes."""
    wrong = make_url(os.environ["CHRONICLE_DATABASE"]).set(**change)
    monkeypatch.setenv("CHRONICLE_DATABASE", wrong.render_as_string(hide_password=False))

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert says in refused.err
    assert (wrong.password or "") not in refused.err


@pytest.mark.parametrize(("version", "says"), [(1, "chronicle migrate"), (99, "newer")])
@pytest.mark.parametrize("part", ["log", "catalog"])
@pytest.mark.usefixtures("acme")
def test_tables_of_another_version_are_one_line(
    chronicle: Command, fresh: Store, part: str, version: int, says: str
) -> None:
    asyncio.run(stamp(getattr(fresh, part), version))

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert f"the {part} in {fresh.name} has version {version}" in refused.err
    assert says in refused.err


@on_postgresql
def test_a_database_that_does_not_wait_for_its_disk_is_one_line(
    chronicle: Command, acme: str, fresh: Store
) -> None:
    """SQLite is told by us how to write; what PostgreSQL does is for its operator to set."""
    asyncio.run(set_for_all(fresh, "synchronous_commit", "off"))

    refused = chronicle("serve", "--port", "0")

    assert one_line(refused)
    assert "synchronous_commit must be on" in refused.err


def test_a_database_without_fsync_is_one_line(
    anywhere: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting of a whole server of PostgreSQL."""
    with private_server(fsync="off", full_page_writes="off") as server:
        monkeypatch.setenv("CHRONICLE_DATABASE", server.url())
        monkeypatch.setenv("CHRONICLE_SECRET_KEY_FILE", str(tmp_path / "secret.key"))
        refused = anywhere("serve", "--port", "0")

    assert one_line(refused)
    assert "fsync and full_page_writes must be on" in refused.err


def one_line(refused: Ran) -> bool:
    """Whether a command has failed as it should: with one line, and no more."""
    return refused.status == 1 and refused.err.count("\n") == 1 and not refused.out


async def set_for_all(store: Store, setting: str, value: str) -> None:
    """Change what the connections to come are given."""
    session = await store.catalog.open_writer()
    try:
        name = store.name.rpartition("/")[2]
        await session.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    finally:
        await session.close()


def test_status_sees_what_a_running_server_takes(
    chronicle: Command, acme: str, server: str, fresh: Store
) -> None:
    httpx.post(f"{server}{acme}", content=sample("legacy/onimbotmessageadd.form"))
    httpx.post(f"{server}{acme}", content=b"not readable")

    assert settled(chronicle) == [
        {
            "portal": "acme",
            "head": 1,
            "projected": 1,
            "lag": 0,
            "undecoded": 0,
            "quarantined": 1,
            "rejected": 0,
            "queues": [],
            **({"spool": NOTHING_WAITS} if fresh.remote else {}),
        }
    ]
