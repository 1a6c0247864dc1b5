"""The engine: its version is known, and said where it matters."""

import sqlite3
import threading
from pathlib import Path

import pytest

from eventstore.database.sqlite import SqliteFile, engine_version, engine_warning
from eventstore.errors import StoreUnavailable
from eventstore.store import Store


async def test_a_store_names_its_engine(store: Store) -> None:
    version, _ = await store.versions()

    assert version.split()[0] in ("SQLite", "PostgreSQL")
    assert [part.isdigit() for part in version.split()[1].split(".")][:2] == [True, True]


def test_an_older_sqlite_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is a library of this process; a server of PostgreSQL keeps its own files in order."""
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.40.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))

    warning = engine_warning()

    assert engine_version() == "SQLite 3.40.1"
    assert warning is not None
    assert "older than 3.51.3" in warning


def test_a_safe_sqlite_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))

    assert engine_warning() is None


async def test_a_file_that_is_no_database_keeps_no_process_from_ending(tmp_path: Path) -> None:
    path, before = tmp_path / "read-1.db", set(threading.enumerate())
    path.write_bytes(b"no database " * 1_000)

    with pytest.raises(StoreUnavailable, match="not a database"):
        await SqliteFile(path).open_writer()

    for begun in set(threading.enumerate()) - before:
        begun.join(timeout=10)  # it says that it has closed the file before it ends
        assert not begun.is_alive()
