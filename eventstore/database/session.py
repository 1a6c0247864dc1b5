"""A connection to one set of tables, wherever they are, and a pool of those that read."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

from sqlalchemy import MetaData, Table
from sqlalchemy.sql.base import Executable

STREAMED: Final = 2_000
"""Rows of a stream that are in memory at once."""

Row = tuple[Any, ...]


class Session(Protocol):
    """One connection to one set of tables, used by one task at a time.

    Every method raises StoreUnavailable when the database cannot take or give what was asked.
    """

    @property
    def broken(self) -> bool:
        """Whether it can never be used again."""

    async def rows(self, statement: Executable, **values: Any) -> list[Row]:
        """Return all rows of a query."""

    def stream(self, statement: Executable, **values: Any) -> AsyncGenerator[list[Row]]:
        """Give all rows of a query, some thousand at a time, without holding them all.

        Call it inside a transaction, and close it before that ends if not all were taken.
        """

    async def run(self, statement: Executable, **values: Any) -> None:
        """Run a statement that returns nothing."""

    async def run_many(self, statement: Executable, values: Iterable[Row]) -> None:
        """Run a statement once for each tuple of its parameters, in the order of its text."""

    async def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows given in the order of the table's columns."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """All that runs inside is kept together, or not at all."""

    def moment(self) -> AbstractAsyncContextManager[None]:
        """All reads inside see one moment."""

    async def create(self, metadata: MetaData, *, indexes: bool) -> None:
        """Make these tables where they are missing."""

    async def create_indexes(self, tables: Iterable[Table]) -> None:
        """Make the secondary indexes of these tables where they are missing."""

    async def copy_rows(self, source: "Place", tables: Iterable[Table], portal_id: int) -> None:
        """Copy the rows of a portal from another place of the same database, all of one moment."""

    async def keep_out_writers(self, metadata: MetaData) -> None:
        """Let nobody else write to these tables, or make them, until the transaction ends.

        Call it first in a transaction.
        """

    async def stamp(self) -> int:
        """Return the number that was put on the whole set of tables; 0 on a new one."""

    async def set_stamp(self, number: int) -> None:
        """Put a number on the whole set of tables."""

    async def settle(self) -> None:
        """Make durable what was written, and ready to be read, after a bulk insert."""

    async def execute(self, text: str) -> None:
        """Run statements of this engine's own."""

    def spelled(self, statement: str) -> str:
        """Put this engine's types where a statement says `{text}` and `{bytes}`."""

    async def close(self) -> None:
        """Close the connection."""


class Place(Protocol):
    """Where one set of tables is: a file, or a schema. It can be sent to another process."""

    @property
    def shared(self) -> bool:
        """Whether several processes may write there at the same time."""

    async def exists(self) -> bool:
        """Say whether the tables were ever made."""

    async def open_reader(self, *, alone: bool = False) -> Session:
        """Open a session that only reads.

        Who is `alone` on their thread is given what they read there, however long it takes.
        Raises StoreUnavailable when there is nothing to read.
        """

    async def open_writer(self, *, rebuildable: bool = False) -> Session:
        """Open a session that writes, making the place if need be.

        What is `rebuildable` need not survive a power loss before it is settled.
        Raises StoreUnavailable when it cannot be opened.
        """

    async def remove(self) -> None:
        """Remove the tables and all that belongs to them, if they are there."""

    async def size(self) -> int:
        """Return how many bytes it takes."""


class Pool:
    """Sessions that read one place: each is lent to one task at a time."""

    def __init__(self, place: Place, size: int) -> None:
        self.place = place
        self._free: asyncio.LifoQueue[Session | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._free.put_nowait(None)  # opened when it is needed
        self._closed = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Lend a session that sees one moment of the place.

        Raises StoreUnavailable when the place is gone, or cannot be read.
        """
        await asyncio.sleep(0)  # what is read at once would let nobody else in, in a loop of reads
        session = await self._free.get()
        try:
            if session is None or session.broken:
                session = await self.place.open_reader()
            async with session.moment():
                yield session
        finally:
            if session is not None and (session.broken or self._closed):
                await session.close()
                session = None
            self._free.put_nowait(session)

    async def close(self) -> None:
        """Close all sessions; those that are lent, when they come back."""
        self._closed = True
        while not self._free.empty():
            session = self._free.get_nowait()
            if session is not None:
                await session.close()
