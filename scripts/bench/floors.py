"""The floors: what a bare driver does with the same bytes, as durable as the log."""

import sqlite3
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from itertools import islice
from time import perf_counter
from typing import Any, Protocol

import asyncpg

from scripts.bench.measures import WrongAnswer

_COUNT = "SELECT count(*) FROM bare"


class Bare(Protocol):
    """One table of payloads."""

    async def insert_and_commit(self, payloads: Sequence[str]) -> None:
        """Insert some payloads in one transaction."""

    async def count(self) -> int:
        """Return how many payloads there are."""

    async def close(self) -> None:
        """Close it."""


async def open_bare(address: str, *, connections: int = 1) -> Bare:
    """Open a file, in the mode of the log, or a database at an address `postgresql://…`."""
    if address.startswith("postgresql://"):
        pool = await asyncpg.create_pool(address, min_size=connections, max_size=connections)
        await pool.execute("CREATE TABLE IF NOT EXISTS bare (id serial PRIMARY KEY, payload text)")
        return _BarePostgresql(pool)
    connection = sqlite3.connect(address, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, payload TEXT)")
    return _BareSqlite(connection)


class _BareSqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def insert_and_commit(self, payloads: Sequence[str]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO bare (payload) VALUES (?)", [(payload,) for payload in payloads]
        )
        self._connection.execute("COMMIT")

    async def count(self) -> int:
        return int(self._connection.execute(_COUNT).fetchone()[0])

    async def close(self) -> None:
        self._connection.close()


class _BarePostgresql:
    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def insert_and_commit(self, payloads: Sequence[str]) -> None:
        if len(payloads) == 1:
            await self._pool.execute("INSERT INTO bare (payload) VALUES ($1)", payloads[0])
            return
        await self._pool.copy_records_to_table(
            "bare", columns=["payload"], records=[(payload,) for payload in payloads]
        )

    async def count(self) -> int:
        return int(await self._pool.fetchval(_COUNT))

    async def close(self) -> None:
        await self._pool.close()


async def bare_rate(address: str, batches: AsyncIterable[Sequence[str]]) -> float:
    """Return payloads a second, each batch in a transaction."""
    count = 0
    bare = await open_bare(address)
    try:
        before = await bare.count()
        started = perf_counter()
        async for batch in batches:
            await bare.insert_and_commit(batch)
            count += len(batch)
        seconds = perf_counter() - started
        after = await bare.count()
    finally:
        await bare.close()
    if after - before != count:
        raise WrongAnswer(f"the floor lost {count + before - after} rows")
    return count / seconds


async def batched(payloads: Iterable[str], size: int) -> AsyncIterator[list[str]]:
    """Give payloads some at a time."""
    rest = iter(payloads)
    while batch := list(islice(rest, size)):
        yield batch
