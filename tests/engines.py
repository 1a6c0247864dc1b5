"""One test, every database: a store of either engine, and what is in its tables."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import pytest
from sqlalchemy import text

from eventstore.database import Place, Session
from eventstore.database.postgresql import PostgresSchema, PostgresSession
from eventstore.errors import StoreUnavailable
from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store

Result = TypeVar("Result")

ENGINES: Final = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))

postgresql_takes_long: Final = pytest.mark.parametrize(
    "fresh",
    [
        ENGINES[0],
        pytest.param("postgresql", marks=(pytest.mark.postgresql, pytest.mark.long)),
    ],
    indirect=True,
)
"""For what is slow and hardly knows of its engine: PostgreSQL is left to CI."""

on_sqlite: Final = pytest.mark.parametrize("fresh", ENGINES[:1], indirect=True)
"""For what only an embedded store has: the test's docstring says why."""

on_postgresql: Final = pytest.mark.parametrize("fresh", ENGINES[1:], indirect=True)
"""For what only a database server has: the test's docstring says why."""


def environment(store: Store) -> dict[str, str]:
    """Return what a process must be told to use a store."""
    if isinstance(store, Folder):
        return {"CHRONICLE_DATABASE": f"sqlite:///{store.path}"}
    assert isinstance(store, PostgresStore)
    return {
        "CHRONICLE_DATABASE": store.url,
        "CHRONICLE_SECRET_KEY_FILE": os.fspath(store.secret_key),
        "CHRONICLE_SPOOL": os.fspath(store.secret_key.with_name("spool")),
        "CHRONICLE_EXPORTS": os.fspath(store.secret_key.with_name("exports")),
    }


async def step_aside(session: Session) -> None:
    """Let what a test itself says over a session pass for no statement of ours."""
    if isinstance(session, PostgresSession):
        await session.execute("SET application_name = 'a test'")


async def query(place: Place, sql: str) -> list[tuple[Any, ...]]:
    """Ask a set of tables, reading only."""
    session = await place.open_reader()
    try:
        await step_aside(session)
        return [tuple(row) for row in await session.rows(text(sql))]
    finally:
        await session.close()


async def patiently(use: Callable[[], Awaitable[Result]]) -> Result:
    """Try again while a file is locked.

    Of two that make a SQLite file at once, one may be told so at once, however patient it is.
    """
    async with asyncio.timeout(30):
        while True:
            try:
                return await use()
            except StoreUnavailable as error:
                if "database is locked" not in str(error):
                    raise


async def damage(place: Place, *statements: str) -> None:
    """Change what is stored as no code of ours does: past the triggers that refuse it."""
    session = await place.open_writer()
    try:
        await step_aside(session)
        for statement in (*await _without_triggers(place), *statements):
            await session.execute(statement)
    finally:
        await session.close()


async def stamp(place: Place, version: int) -> None:
    """Make a set of tables pass for one of another version."""
    session = await place.open_writer()
    try:
        await session.set_stamp(version)
    finally:
        await session.close()


async def stored_bytes(store: Store) -> bytes:
    """Return all that a store keeps: every file, or every row of every table."""
    if isinstance(store, Folder):
        return b"".join(path.read_bytes() for path in store.path.iterdir())
    assert isinstance(store, PostgresStore)
    connection = await asyncpg.connect(store.url, server_settings={"bytea_output": "escape"})
    try:
        tables = await connection.fetch(
            "SELECT oid::regclass::text FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_)'"
        )
        rows = [
            row
            for (table,) in tables
            for row in await connection.fetch(f"SELECT t::text FROM {table} t")  # noqa: S608
        ]
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows).encode()


async def _without_triggers(place: Place) -> Sequence[str]:
    if isinstance(place, PostgresSchema):
        return ["SET session_replication_role = replica"]
    named = await query(place, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
    return [f"DROP TRIGGER {name}" for (name,) in named]
