"""SQLite: a set of tables is a file."""

import os
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import aiosqlite
from sqlalchemy import MetaData, Table, text
from sqlalchemy.sql.base import Executable

from eventstore.database.full_text import Sought
from eventstore.database.session import STREAMED, Place, Row, Session
from eventstore.database.sqlite_reader import SqliteReader
from eventstore.database.statements import (
    SQLITE,
    Compiled,
    as_json,
    compiled,
    create_statements,
    index_statements,
    insertion,
)
from eventstore.errors import StoreUnavailable

SAFE_SQLITE: Final = (3, 51, 3)
"""Older versions can corrupt a file that two connections write and checkpoint at once."""


_ANY_TABLE: Final = text("SELECT 1 FROM sqlite_master LIMIT 1")

_DEFECTS: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
)
"""What the caller did wrong: asking again would not help."""


def engine_version() -> str:
    """Name the engine and its version."""
    return f"SQLite {sqlite3.sqlite_version}"


def engine_warning() -> str | None:
    """Say what an operator should know of this engine's version, if anything."""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return None
    safe = ".".join(map(str, SAFE_SQLITE))
    return (
        f"{engine_version()} is older than {safe}, which mends a fault that can corrupt a file when"
        " two connections write it. Chronicle writes each file over one: do not write them yourself"
    )


def bound(prepared: Compiled, values: Mapping[str, Any]) -> list[Any]:
    """Return the parameters of a statement as SQLite's driver takes them."""
    return [_spelled(value) for value in prepared.in_order(values)]


def _spelled(value: Any) -> Any:
    if isinstance(value, Sought):
        return value.fts5
    return as_json(value) if isinstance(value, list) else value


class SqliteSession:
    """A session on one SQLite file."""

    broken = False

    def __init__(self, path: Path, connection: aiosqlite.Connection | SqliteReader) -> None:
        self.path = path
        self._connection = connection

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        prepared = compiled(statement)
        with self._explained():
            found = await self._connection.execute_fetchall(prepared.text, bound(prepared, values))
        return cast(list[Row], found)

    async def stream(self, statement: Executable, **values: Any) -> AsyncGenerator[list[Row]]:
        prepared = compiled(statement)
        with self._explained():
            async with self._connection.execute(prepared.text, bound(prepared, values)) as cursor:
                while rows := await cursor.fetchmany(STREAMED):
                    yield cast(list[Row], rows)

    async def run(self, statement: Executable, **values: Any) -> None:
        await self.rows(statement, **values)

    async def run_many(self, statement: Executable, values: Iterable[Row]) -> None:
        await self._executemany(compiled(statement).text, values)

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        await self._executemany(insertion(table), rows)

    async def _executemany(self, text: str, values: Iterable[Row]) -> None:
        with self._explained():
            async with self._connection.executemany(text, values):
                pass

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        try:
            await self.execute("BEGIN")
            yield
            await self.execute("COMMIT")
        except BaseException:
            # Waits for what was cancelled, which runs to its end in its thread; does nothing when
            # no transaction is left.
            with self._explained():
                await self._connection.rollback()
            raise

    moment = transaction

    async def create(self, metadata: MetaData, *, indexes: bool) -> None:
        for statement in create_statements(metadata, SQLITE, indexes=indexes):
            await self.execute(statement)

    async def create_indexes(self, tables: Iterable[Table]) -> None:
        for statement in index_statements(tables, SQLITE):
            await self.execute(statement)

    async def copy_rows(self, source: Place, tables: Iterable[Table], portal_id: int) -> None:
        assert isinstance(source, SqliteFile)  # noqa: S101 - one store has one engine
        with self._explained():
            await self._connection.execute_fetchall(
                "ATTACH DATABASE ? AS source", (read_only(source.path),)
            )
        try:
            async with self.transaction():
                for table in tables:
                    await self.execute(
                        f"INSERT INTO main.{table.name} SELECT * FROM source.{table.name}"  # noqa: S608
                        f" WHERE portal_id = {portal_id:d}"
                    )
        finally:
            await self.execute("DETACH DATABASE source")

    async def keep_out_writers(self, metadata: MetaData) -> None:  # noqa: ARG002 - all of the file
        # Nothing has happened in it: the transaction begins again, with the lock.
        await self.execute("COMMIT")
        await self.execute("BEGIN IMMEDIATE")

    async def stamp(self) -> int:
        with self._explained():
            rows = await self._connection.execute_fetchall("PRAGMA user_version")
        return int(next(iter(rows))[0])

    async def set_stamp(self, number: int) -> None:
        await self.execute(f"PRAGMA user_version={number}")

    async def settle(self) -> None:
        await self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sync(self.path)
        sync(self.path.parent)

    async def execute(self, text: str) -> None:
        with self._explained():
            await self._connection.execute_fetchall(text)

    def spelled(self, statement: str) -> str:
        return statement.format(text="TEXT", bytes="BLOB")

    async def close(self) -> None:
        await self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _DEFECTS:
            raise
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error


@dataclass(frozen=True)
class SqliteFile:
    """A SQLite file, and the care with which it is written."""

    path: Path
    journal: str = "WAL"
    synchronous: str = "NORMAL"

    @property
    def shared(self) -> bool:
        return False

    async def exists(self) -> bool:
        if not self.path.is_file():
            return False
        session = self._open(self._recovering())
        try:
            # A process that was killed may have left a file with nothing in it.
            return bool(await session.rows(_ANY_TABLE))
        finally:
            await session.close()

    async def open_reader(self, *, alone: bool = False) -> Session:
        # Opening it to write would create a file that is gone as an empty one.
        return self._open(read_only(self.path), alone=alone)

    def _open(self, address: str, *, alone: bool = False) -> Session:
        try:
            return SqliteSession(self.path, SqliteReader(address, alone=alone))
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error

    async def _connect(self, address: str) -> aiosqlite.Connection:
        # As an address, or another file could not be attached by one.
        try:
            return await aiosqlite.connect(address, uri=True, timeout=5, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error

    def _recovering(self) -> str:
        # What a killed process had begun stands in a journal: only who may write can undo it. Who
        # may write would also empty a WAL, which is its one writer's business.
        if self.journal == "WAL":
            return read_only(self.path)
        return f"{self.path.absolute().as_uri()}?mode=rw"

    async def open_writer(self, *, rebuildable: bool = False) -> Session:
        synchronous = "OFF" if rebuildable else self.synchronous
        # Building sorts all of a log's facts for each index: 60 bytes a fact, if in memory.
        temporary = "FILE" if rebuildable else "MEMORY"
        connection = await self._connect(self.path.absolute().as_uri())
        try:
            await connection.execute_fetchall(f"PRAGMA journal_mode={self.journal}")
            await connection.execute_fetchall(f"PRAGMA synchronous={synchronous}")
            await connection.execute_fetchall(f"PRAGMA temp_store={temporary}")
        except sqlite3.Error as error:
            await connection.close()  # its thread would keep the process from ending
            raise StoreUnavailable(f"{self.path}: {error}") from error
        return SqliteSession(self.path, connection)

    async def remove(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)

    async def size(self) -> int:
        return sum(part.stat().st_size for part in self.path.parent.glob(f"{self.path.name}*"))


def sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect(path: Path, *, journal: str, synchronous: str) -> sqlite3.Connection:
    """Open a SQLite file to write to it, creating it if need be.

    Raises StoreUnavailable when the file cannot be opened.
    """
    try:
        connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    try:
        # A rollback journal that is truncated instead of unlinked spares a directory sync.
        # Whether the mode was changed is known only when all of its answer has been read.
        connection.execute(f"PRAGMA journal_mode={journal}").fetchall()
        connection.execute(f"PRAGMA synchronous={synchronous}")
    except sqlite3.Error as error:
        connection.close()
        raise StoreUnavailable(f"{path}: {error}") from error
    return connection


def read_only(path: Path) -> str:
    """Return the address that opens a file without creating or changing it.

    Raises StoreUnavailable when there is no such file.
    """
    if not path.is_file():
        raise StoreUnavailable(f"{path}: no such file")
    return f"{path.absolute().as_uri()}?mode=ro"
