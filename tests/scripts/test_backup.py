"""Backup and restore, as commands: a copy that is a store itself, and a store made of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from tests.engines import environment
from tests.postgresql.databases import Databases
from tests.samples import ITEMS, tree
from tests.scripts.conftest import Command
from tests.scripts.test_import import ndjson


@pytest.fixture
def backup(chronicle: Command, acme: str, tmp_path: Path) -> Path:
    """A backup of a store with the samples of the queues and a token."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(*map(tree, ITEMS)))
    chronicle("import", file, "--portal", "acme")
    chronicle("token", "create", "--portal", "acme", "--scope", "messages:read")
    made = chronicle("backup", tmp_path / "backup", "--json")
    assert made.json == {"folder": str(tmp_path / "backup"), "events": len(ITEMS)}
    return tmp_path / "backup"


@pytest.fixture
async def elsewhere(
    fresh: Store, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Store]:
    """Another store of the same engine, with nothing in it."""
    if isinstance(fresh, Folder):
        yield Folder(tmp_path / "elsewhere")
        return
    databases: Databases = request.getfixturevalue("postgresql")
    async with databases.database() as url:
        yield PostgresStore(url, tmp_path / "elsewhere.key")


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands that follow use this store."""
    for name, value in environment(store).items():
        monkeypatch.setenv(name, value)


def test_a_backup_is_a_store_that_verifies(
    chronicle: Command, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHRONICLE_SECRET_KEY_FILE", raising=False)
    use(Folder(backup), monkeypatch)

    assert chronicle("verify").err == "nothing differs\n"
    assert chronicle("status", "--json").json[0]["head"] == len(ITEMS)


def test_what_was_restored_is_the_same_store(
    chronicle: Command, backup: Path, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [chronicle(*asked, "--json").json for asked in (["portal", "list"], ["token", "list"])]
    use(elsewhere, monkeypatch)

    restored = chronicle("restore", backup, "--json")
    rebuilt = chronicle("rebuild")

    assert restored.json["events"] == len(ITEMS)
    assert rebuilt.status == 0
    assert chronicle("verify").err == "nothing differs\n"
    assert before == [
        chronicle(*asked, "--json").json for asked in (["portal", "list"], ["token", "list"])
    ]


def test_a_backup_overwrites_nothing_and_a_restore_neither(
    chronicle: Command, backup: Path
) -> None:
    again = chronicle("backup", backup)
    over = chronicle("restore", backup)

    assert (again.status, over.status) == (1, 1)
    assert again.err.count("\n") == over.err.count("\n") == 1
    assert str(backup) in again.err
    assert "already" in over.err


def test_what_is_no_backup_is_one_line(chronicle: Command, tmp_path: Path) -> None:
    refused = chronicle("restore", tmp_path)

    assert refused.status == 1
    assert refused.err.count("\n") == 1
    assert str(tmp_path) in refused.err


def test_people_are_told_how_many_events(chronicle: Command, acme: str, tmp_path: Path) -> None:
    told = chronicle("backup", tmp_path / "backup")

    assert told.err == f"{tmp_path / 'backup'}: 0 events\n"
    assert told.out == ""
