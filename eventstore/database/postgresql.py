"""PostgreSQL: a set of tables is a schema."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import MetaData, Table
from sqlalchemy.sql.base import Executable

from eventstore.database.full_text import Sought
from eventstore.database.session import STREAMED, Place, Row, Session
from eventstore.database.statements import (
    POSTGRESQL,
    Compiled,
    Pairs,
    compiled,
    create_statements,
    index_statements,
    parts_of,
)
from eventstore.errors import NotPermitted, StoreUnavailable

_CONNECTING: Final = 5.0
"""Seconds until a server that does not answer is given up."""

_ANSWERING: Final = 30.0
"""Seconds until a statement that is not answered is given up."""

_ROLLBACK: Final = 2.0
"""Seconds that a rollback may take before the connection is cut instead."""

Settings = dict[str, str]

BRIEF: Final[Settings] = {"idle_in_transaction_session_timeout": "5s", "lock_timeout": "2s"}
"""For short transactions that hold a row others wait for: a frozen client must not keep it."""

REBUILDABLE: Final[Settings] = {"synchronous_commit": "off"}
"""For what can be made again from the log. No other commit is any less durable for it."""

BY_INDEX: Final[Settings] = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""For tables that are only asked by their keys, in their order. Just after a bulk insert nobody
has counted their rows yet, and a page would be found by sorting all there is."""

_UNAVAILABLE: Final = (
    asyncpg.PostgresConnectionError,  # 08
    asyncpg.InvalidAuthorizationSpecificationError,  # 28
    asyncpg.InvalidCatalogNameError,  # 3D: no such database
    asyncpg.InvalidTransactionStateError,  # 25: read-only, or idle for too long
    asyncpg.TransactionRollbackError,  # 40: deadlocks
    asyncpg.UndefinedTableError,  # 42P01: not made yet, or dropped
    asyncpg.InsufficientResourcesError,  # 53: disk full, too many connections
    asyncpg.ObjectNotInPrerequisiteStateError,  # 55: a lock not had in time
    asyncpg.OperatorInterventionError,  # 57: shutdown, crash, cancelled
    asyncpg.PostgresSystemError,  # 58: input and output
    asyncpg.DataCorruptedError,  # XX001: a page is not as it was written
    asyncpg.IndexCorruptedError,  # XX002
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,  # the connection is closed
    OSError,
    TimeoutError,
)


@dataclass(frozen=True)
class PostgresServer:
    """Where a database is, and as whom it is used."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """What errors and logs call it: never with a user or a password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"

    async def connect(
        self, settings: Settings, *, answering: float | None = _ANSWERING
    ) -> "asyncpg.Connection[Any]":
        """Open a connection. Raises StoreUnavailable when that cannot be."""
        # Whatever a server says at the door, it lets nobody in.
        with explained(self, asyncpg.PostgresError):
            return await asyncpg.connect(
                self.url,
                timeout=_CONNECTING,
                command_timeout=answering,
                # Our statements are many and short: compiling each to machine code costs more.
                server_settings={"application_name": "chronicle", "jit": "off", **settings},
            )


@contextmanager
def explained(server: PostgresServer, *others: type[Exception]) -> Iterator[None]:
    """Turn what a database cannot do now into StoreUnavailable; let defects of ours pass."""
    unavailable: tuple[type[Exception], ...] = (*_UNAVAILABLE, *others)
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(
            f"{server.name}: {_in_words(error)}; `chronicle migrate --role` prints what to grant"
        ) from error
    except unavailable as error:
        raise StoreUnavailable(f"{server.name}: {_in_words(error)}") from error


def _in_words(error: BaseException) -> str:
    # The detail of an error of PostgreSQL quotes the row; its message does not.
    if isinstance(error, asyncpg.PostgresError):
        return str(error.as_dict().get("message", type(error).__name__))
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


class PostgresSession:
    """A session on one schema."""

    def __init__(
        self, server: PostgresServer, schema: str, connection: "asyncpg.Connection[Any]"
    ) -> None:
        self.connection = connection
        self._server = server
        self._schema = schema
        self._plans_once = False

    @property
    def broken(self) -> bool:
        return self.connection.is_closed()

    def prepared(self, statement: Executable) -> Compiled:
        """Return a statement as asyncpg takes it, on this schema."""
        return compiled(statement, POSTGRESQL, self._schema)

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        prepared = self.prepared(statement)
        with explained(self._server):
            await self._plan(once=prepared.planned_once)
            return cast(
                list[Row], await self.connection.fetch(prepared.text, *_bound(prepared, values))
            )

    async def stream(self, statement: Executable, **values: Any) -> AsyncGenerator[list[Row]]:
        prepared = self.prepared(statement)
        with explained(self._server):
            await self._plan(once=prepared.planned_once)
            cursor = await self.connection.cursor(prepared.text, *_bound(prepared, values))
        while True:
            with explained(self._server):
                rows = await cursor.fetch(STREAMED)
            if not rows:
                return
            yield cast(list[Row], rows)

    async def run(self, statement: Executable, **values: Any) -> None:
        prepared = self.prepared(statement)
        with explained(self._server):
            await self._plan(once=prepared.planned_once)
            await self.connection.execute(prepared.text, *_bound(prepared, values))

    async def run_many(self, statement: Executable, values: Iterable[Row]) -> None:
        if not (given := list(values)):
            return  # nothing is no reason to ask the server
        prepared = self.prepared(statement)
        with explained(self._server):
            await self._plan(once=prepared.planned_once)
            await self.connection.executemany(prepared.text, given)

    async def _plan(self, *, once: bool) -> None:
        """Let what runs next be planned once for all values, or as the server thinks best."""
        if once is not self._plans_once:
            await self.connection.execute(
                "SET plan_cache_mode = force_generic_plan" if once else "RESET plan_cache_mode"
            )
            self._plans_once = once

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        if not (given := list(rows)):
            return
        with explained(self._server):
            await self.connection.copy_records_to_table(
                table.name,
                schema_name=self._schema,
                columns=table.columns.keys(),
                records=given,
            )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._begun():
            yield

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[None]:
        async with self._begun(isolation="repeatable_read", readonly=True):
            yield

    @asynccontextmanager
    async def _begun(self, **options: Any) -> AsyncIterator[None]:
        plans_once = self._plans_once
        with explained(self._server):
            transaction = self.connection.transaction(**options)
            try:
                await transaction.start()
            except BaseException:
                self.connection.terminate()  # nobody knows whether it has begun
                raise
        try:
            yield
            with explained(self._server):
                await transaction.commit()
        except BaseException:
            await self._roll_back(transaction)
            self._plans_once = plans_once  # a setting is rolled back, too
            raise

    async def _roll_back(self, transaction: Any) -> None:
        if self.broken:
            return
        try:
            async with asyncio.timeout(_ROLLBACK):
                await transaction.rollback()
        except Exception:  # noqa: BLE001 - what went wrong before is what the caller must know
            self.connection.terminate()

    async def create(self, metadata: MetaData, *, indexes: bool) -> None:
        await self.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
        for statement in create_statements(metadata, POSTGRESQL, self._schema, indexes=indexes):
            await self.execute(statement)

    async def create_indexes(self, tables: Iterable[Table]) -> None:
        for statement in index_statements(tables, POSTGRESQL, self._schema):
            await self.execute(statement)

    async def copy_rows(self, source: Place, tables: Iterable[Table], portal_id: int) -> None:
        assert isinstance(source, PostgresSchema)  # noqa: S101 - one store has one engine
        async with self._begun(isolation="repeatable_read"):
            for table in tables:
                columns = ", ".join(table.columns.keys())
                await self.execute(
                    f"INSERT INTO {self._schema}.{table.name} ({columns})"  # noqa: S608
                    f" SELECT {columns} FROM {source.schema}.{table.name}"
                    f" WHERE portal_id = {portal_id:d}"
                )

    async def keep_out_writers(self, metadata: MetaData) -> None:
        # Of those who make the tables, one at a time: there is nothing else to lock yet.
        await self.execute(f"SELECT pg_advisory_xact_lock(hashtext('chronicle {self._schema}'))")
        names = [f"{self._schema}.{table.name}" for table in metadata.sorted_tables]
        present = [name for name in names if await self._is_table(name)]
        if present:
            await self.execute(f"LOCK TABLE {', '.join(present)} IN EXCLUSIVE MODE")

    async def _is_table(self, name: str) -> bool:
        with explained(self._server):
            return await self.connection.fetchval("SELECT to_regclass($1)", name) is not None

    async def stamp(self) -> int:
        with explained(self._server):
            comment = await self.connection.fetchval(
                "SELECT obj_description(to_regnamespace($1), 'pg_namespace')", self._schema
            )
        return int(comment or 0)

    async def set_stamp(self, number: int) -> None:
        await self.execute(f"COMMENT ON SCHEMA {self._schema} IS '{number}'")

    async def settle(self) -> None:
        # What is still to be synced is synced with the next commit that waits for it.
        with explained(self._server):
            tables = await self.connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = $1", self._schema
            )
        for (table,) in tables:
            await self.execute(f"ANALYZE {self._schema}.{table}")

    async def execute(self, text: str) -> None:
        with explained(self._server):
            await self.connection.execute(text)

    def spelled(self, statement: str) -> str:
        return statement.format(text='TEXT COLLATE "C"', bytes="BYTEA")

    async def close(self) -> None:
        with suppress(Exception):
            await self.connection.close(timeout=_ROLLBACK)


def _bound(prepared: Compiled, values: dict[str, Any]) -> list[Any]:
    given: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Pairs):
            given.update(zip(parts_of(name), value.apart, strict=True))
        elif isinstance(value, Sought):
            given[name] = value.tsquery
        else:
            given[name] = value
    return prepared.in_order(given)


@dataclass(frozen=True)
class PostgresSchema:
    """A schema of a database, and how its readers are to look for rows."""

    server: PostgresServer
    schema: str
    reading: Settings = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        return True

    async def exists(self) -> bool:
        session = await self._open({})
        try:
            with explained(self.server):
                found = await session.connection.fetchval(
                    "SELECT count(*) FROM pg_tables WHERE schemaname = $1", self.schema
                )
        finally:
            await session.close()
        return bool(found)

    async def open_reader(self, *, alone: bool = False) -> Session:  # noqa: ARG002
        # The server reads, and nobody here waits for it on a thread.
        return await self._open({"default_transaction_read_only": "on", **self.reading})

    async def open_writer(self, *, rebuildable: bool = False) -> Session:
        if rebuildable:  # its indexes take as long as they take
            return await self._open(REBUILDABLE, answering=None)
        return await self._open({**BRIEF, **REBUILDABLE})

    async def _open(
        self, settings: Settings, *, answering: float | None = _ANSWERING
    ) -> PostgresSession:
        # Statements name the schema; the steps of a migration do not.
        settings = {**settings, "search_path": self.schema}
        connection = await self.server.connect(settings, answering=answering)
        return PostgresSession(self.server, self.schema, connection)

    async def remove(self) -> None:
        session = await self._open({}, answering=None)
        try:
            await session.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        finally:
            await session.close()

    async def size(self) -> int:
        session = await self._open({})
        try:
            with explained(self.server):
                return int(
                    await session.connection.fetchval(
                        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint"
                        " FROM pg_class c WHERE c.relkind = 'r'"
                        " AND c.relnamespace = to_regnamespace($1)",
                        self.schema,
                    )
                )
        finally:
            await session.close()
