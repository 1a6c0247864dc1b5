"""Where one engine differs from another, and nowhere else.

Statements are SQLAlchemy Core, written once. They run on the driver's own connection, because
SQLAlchemy's asynchronous engine costs more than most of our queries do.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, cast

import aiosqlite
from sqlalchemy import BindParameter, ColumnElement, MetaData, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

from eventstore.errors import StoreUnavailable

SAFE_SQLITE: Final = (3, 51, 3)
"""Older versions can corrupt a file that two connections write and checkpoint at once."""

STREAMED: Final = 2_000
"""Rows of a stream that are in memory at once."""


def engine_version() -> str:
    """Name the database engine and its version."""
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


Row = tuple[Any, ...]


class Compiled(NamedTuple):
    """A statement as the driver takes it: its text, its parameters in order, its constants."""

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Put the values in the order of the text."""
        given = {**self.constants, **values}
        return tuple(
            json.dumps(value) if isinstance(value := given[name], list) else value
            for name in self.names
        )


class one_of(ColumnElement[Any]):  # noqa: N801 - reads as SQL does, like SQLAlchemy's own
    """`column IN (the members of a list parameter)`: one text, however long the list."""

    inherit_cache = False
    # A boolean would be compiled to `… = 1`, which no index can serve.
    type = NullType()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.listed: BindParameter[Any] = bindparam(name)


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    listed = compiler.process(element.listed, **options)
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - compiled parts


class pair_of(ColumnElement[Any]):  # noqa: N801 - reads as SQL does, like SQLAlchemy's own
    """`(a, b) IN (the pairs of a list parameter)`: one text, however long the list."""

    inherit_cache = False
    # A boolean would be compiled to `… = 1`, which no index can serve.
    type = NullType()

    def __init__(self, a: ColumnElement[Any], b: ColumnElement[Any], name: str) -> None:
        self.columns_ = (a, b)
        self.listed: BindParameter[Any] = bindparam(name)


@compiles(pair_of, "sqlite")
def _pair_of_sqlite(element: pair_of, compiler: SQLCompiler, **options: Any) -> str:
    a, b = (compiler.process(column, **options) for column in element.columns_)
    listed = compiler.process(element.listed, **options)
    pairs = (
        f"SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each({listed})"  # noqa: S608 - compiled parts
    )
    return f"({a}, {b}) IN ({pairs})"


@lru_cache(maxsize=512)
def compiled(statement: Executable) -> Compiled:
    """Compile a statement for SQLite's driver, once."""
    result = statement.compile(  # type: ignore[attr-defined]
        dialect=sqlite.dialect(paramstyle="qmark")
    )
    required = {name for name, value in result.params.items() if value is None}
    constants = {name: value for name, value in result.params.items() if name not in required}
    return Compiled(str(result), tuple(result.positiontup or ()), constants)


def insertion(table: Table) -> str:
    """Return the text that inserts rows given in the order of the table's columns."""
    columns = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'  # noqa: S608 - our names


class Session(Protocol):
    """One connection to one database, used by one task at a time."""

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        """Return all rows of a query."""

    def stream(self, statement: Executable, **values: Any) -> AsyncIterator[list[Row]]:
        """Give all rows of a query, some thousand at a time, without holding them all."""

    async def run(self, statement: Executable, **values: Any) -> None:
        """Run a statement that returns nothing."""

    async def run_many(self, statement: Executable, values: Iterable[Row]) -> None:
        """Run a statement once for each tuple of its parameters, in the order of its text."""

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows given in the order of the table's columns."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """All that runs inside is kept together, or not at all; reads see one moment."""


class SqliteSession:
    """A session on one SQLite file."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        prepared = compiled(statement)
        found = await self._connection.execute_fetchall(prepared.text, prepared.bind(values))
        return cast(list[Row], found)

    async def stream(self, statement: Executable, **values: Any) -> AsyncIterator[list[Row]]:
        prepared = compiled(statement)
        async with self._connection.execute(prepared.text, prepared.bind(values)) as cursor:
            while rows := await cursor.fetchmany(STREAMED):
                yield cast(list[Row], rows)

    async def run(self, statement: Executable, **values: Any) -> None:
        prepared = compiled(statement)
        await self._connection.execute_fetchall(prepared.text, prepared.bind(values))

    async def run_many(self, statement: Executable, values: Iterable[Row]) -> None:
        await self._executemany(compiled(statement).text, values)

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        await self._executemany(insertion(table), rows)

    async def _executemany(self, text: str, values: Iterable[Row]) -> None:
        async with self._connection.executemany(text, values):
            pass

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self._connection.execute_fetchall("BEGIN")
        try:
            yield
            await self._connection.execute_fetchall("COMMIT")
        except BaseException:
            # A failed COMMIT may have rolled back by itself.
            if self._connection.in_transaction:
                await self._connection.execute_fetchall("ROLLBACK")
            raise

    async def execute(self, text: str) -> list[Row]:
        """Run one statement of this engine's own: a PRAGMA, or DDL."""
        return cast(list[Row], await self._connection.execute_fetchall(text))

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()


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


async def open_writer(path: Path, *, journal: str, synchronous: str) -> SqliteSession:
    """Open a session that writes a file, creating it if need be.

    Raises StoreUnavailable when the file cannot be opened.
    """
    try:
        connection = await aiosqlite.connect(path, timeout=5, isolation_level=None)
        await connection.execute_fetchall(f"PRAGMA journal_mode={journal}")
        await connection.execute_fetchall(f"PRAGMA synchronous={synchronous}")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    return SqliteSession(path, connection)


def read_only(path: Path) -> str:
    """Return the address that opens a file without creating or changing it.

    Raises StoreUnavailable when there is no such file.
    """
    if not path.is_file():
        raise StoreUnavailable(f"{path}: no such file")
    return f"{path.absolute().as_uri()}?mode=ro"


async def open_reader(path: Path) -> SqliteSession:
    """Open a session that only reads. A file that is gone is an error, not an empty one.

    Raises StoreUnavailable when it cannot be opened.
    """
    address = read_only(path)
    try:
        connection = await aiosqlite.connect(address, uri=True, timeout=5, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from error
    return SqliteSession(path, connection)


class Pool:
    """Sessions that read one file: each is lent to one task at a time."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._free: asyncio.LifoQueue[SqliteSession] = asyncio.LifoQueue()
        self._opened: list[SqliteSession] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqliteSession]:
        """Lend a session that sees one moment of the file.

        Raises StoreUnavailable when the file is gone.
        """
        session = await self._take()
        try:
            async with session.transaction():
                yield session
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error
        finally:
            self._free.put_nowait(session)

    async def _take(self) -> SqliteSession:
        if self._free.empty() and len(self._opened) < self._size:
            session = await open_reader(self.path)
            self._opened.append(session)
            return session
        return await self._free.get()

    async def close(self) -> None:
        """Close all sessions."""
        for session in self._opened:
            await session.close()
        self._opened.clear()


def create_statements(metadata: MetaData, *, indexes: bool = True) -> list[str]:
    """Return the DDL of these tables, without their secondary indexes if so asked."""
    dialect = sqlite.dialect()
    statements = [
        str(CreateTable(table, if_not_exists=True).compile(dialect=dialect))
        for table in metadata.sorted_tables
    ]
    return statements + (index_statements(metadata) if indexes else [])


def index_statements(metadata: MetaData) -> list[str]:
    """Return the DDL of the secondary indexes of these tables."""
    dialect = sqlite.dialect()
    return [
        str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect))
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]


def upsert(table: Table) -> Any:
    """Return an INSERT that may say what happens when the key is there."""
    return sqlite_insert(table)
