"""Migrate: makes and upgrades log and catalog, and says what a role must be granted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import make_url

from eventstore.migrations import VERSION
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from tests.engines import damage, on_postgresql, on_sqlite, stamp
from tests.samples import ITEMS, sample, tree
from tests.scripts.conftest import MEMBER_ID, Command, serving, settled
from tests.scripts.test_import import ndjson

PASSWORD = "a password with ' and @"  # noqa: S105 - of a role of one test


async def to_version_1(store: Store) -> None:
    """Give a store the tables that it had before they had a number."""
    await damage(
        store.catalog,
        *(
            f"DROP TABLE {name}"
            for name in ("token_limit", "token_chat", "token_use", "pointer", "generation")
        ),
        *(f"DROP TABLE {name}" for name in ("connection", "queue")),
        "CREATE TABLE generation (number INTEGER NOT NULL)",
        "INSERT INTO generation VALUES (1)",
    )
    for part in (store.log, store.access_log, store.catalog):
        await stamp(part, 1)


def test_it_makes_a_store_that_the_other_commands_use(chronicle: Command) -> None:
    made = chronicle("migrate", "--json")
    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID)

    assert made.status == 0
    assert made.json["log"] == made.json["catalog"] == {"before": 0, "after": VERSION}
    assert added.status == 0
    assert chronicle("verify").status == 0


def test_it_upgrades_a_store_and_keeps_what_is_in_it(
    chronicle: Command, acme: str, fresh: Store
) -> None:
    asyncio.run(to_version_1(fresh))
    refused = chronicle("portal", "list")

    upgraded = chronicle("migrate", "--json")

    assert refused.status == 1
    assert "chronicle migrate" in refused.err
    assert upgraded.json["log"] == upgraded.json["catalog"] == {"before": 1, "after": VERSION}
    assert [row["portal"] for row in chronicle("portal", "list", "--json").json] == ["acme"]
    assert chronicle("rebuild").status == 0


def test_doing_it_again_changes_nothing(chronicle: Command, acme: str) -> None:
    again = chronicle("migrate")

    assert again.status == 0
    assert again.err.splitlines() == [
        f"log: version {VERSION}, as before",
        f"access_log: version {VERSION}, as before",
        f"catalog: version {VERSION}, as before",
    ]


def test_people_are_told_each_part(chronicle: Command, fresh: Store) -> None:
    made = chronicle("migrate").err.splitlines()
    asyncio.run(to_version_1(fresh))
    upgraded = chronicle("migrate").err.splitlines()

    parts = ("log", "access_log", "catalog")
    assert made == [f"{part}: made, version {VERSION}" for part in parts]
    assert upgraded == [f"{part}: version 1 to {VERSION}" for part in parts]


def test_a_newer_store_is_left_alone(chronicle: Command, acme: str, fresh: Store) -> None:
    asyncio.run(stamp(fresh.catalog, 99))

    refused = chronicle("migrate")

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert "version 99, newer" in refused.err


@on_sqlite
def test_a_running_server_is_not_migrated_under(chronicle: Command, acme: str) -> None:
    """On PostgreSQL nobody knows who runs; there, each upgrade waits for who writes."""
    with serving():
        refused = chronicle("migrate")

    assert refused.status == 1
    assert "in use" in refused.err


@on_sqlite
def test_files_need_no_grants(chronicle: Command) -> None:
    """Roles are PostgreSQL's; files have modes."""
    assert chronicle("migrate").out == ""
    assert chronicle("migrate", "--json").json["grants"] == []


@on_postgresql
@pytest.mark.parametrize("role", ["", "no role", "a'b", 'a"b', "$$", "x" * 64, "public"])
def test_what_is_no_name_of_a_role_is_wrong_usage(
    chronicle: Command, fresh: Store, role: str
) -> None:
    """Roles are PostgreSQL's."""
    refused = chronicle("migrate", "--role", role)

    assert refused.status == 2
    assert not asyncio.run(fresh.catalog.exists())


@pytest.fixture
async def role(fresh: Store) -> AsyncIterator[str]:
    """A role that may nothing yet but connect to the server."""
    assert isinstance(fresh, PostgresStore)
    name = f"runtime_{uuid4().hex}"
    connection = await asyncpg.connect(fresh.url)
    try:
        quoted = PASSWORD.replace("'", "''")
        await connection.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{quoted}'")
        yield name
        await connection.execute(f'DROP OWNED BY "{name}" CASCADE; DROP ROLE "{name}"')
    finally:
        await connection.close()


def become(role: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the commands that follow connect as this role; return the address."""
    assert isinstance(store, PostgresStore)
    url = make_url(store.url).set(username=role, password=PASSWORD)
    address = url.render_as_string(hide_password=False)
    monkeypatch.setenv("CHRONICLE_DATABASE", address)
    return address


@on_postgresql
def test_with_what_it_prints_a_role_can_do_all_that_servers_and_commands_do(
    chronicle: Command, fresh: Store, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only PostgreSQL has roles."""
    printed = chronicle("migrate", "--role", role).out
    asyncio.run(damage(fresh.log, printed))
    become(role, fresh, monkeypatch)
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(*map(tree, ITEMS)) + b"not readable\n")

    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID, "--json")
    imported = chronicle("import", file, "--portal", "acme", "--json")
    with serving() as (_, url):
        hook = f"{url}{added.json['ingest_path']}"
        taken = httpx.post(hook, content=sample("legacy/onimbotmessageadd.form")).status_code
        status = settled(chronicle)
    commands = [
        ["rebuild"],
        ["verify"],
        ["quarantine", "retry"],
        ["token", "create", "--portal", "acme", "--scope", "messages:read"],
        ["portal", "rotate", "acme", "--revoke-old"],
        ["backup", str(tmp_path / "backup")],
    ]
    ended = {command[0]: chronicle(*command).status for command in commands}

    assert imported.json["appended"] == len(ITEMS)
    assert taken == 200
    assert status[0]["projected"] == len(ITEMS) + 1
    assert ended == dict.fromkeys(ended, 0)


@on_postgresql
@pytest.mark.usefixtures("acme")
def test_with_what_it_prints_a_role_can_change_nothing_of_the_log(
    chronicle: Command, fresh: Store, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has no roles: there, the triggers are all that refuses it."""
    asyncio.run(damage(fresh.log, chronicle("migrate", "--role", role).out))
    address = become(role, fresh, monkeypatch)

    for attempt in (
        "UPDATE log.event SET payload = ''",
        "DELETE FROM log.event",
        "TRUNCATE log.event",
        "DELETE FROM log.log_head",
        "TRUNCATE log.log_head",
        "ALTER TABLE log.event DISABLE TRIGGER ALL",
        "DROP TABLE log.event",
        "DROP SCHEMA log CASCADE",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(execute(address, attempt))


async def execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
