"""The log in PostgreSQL: any process may append, and the head's row says who is next."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy import insert

from eventstore.database import compiled
from eventstore.database.postgresql import BRIEF, BY_INDEX, PostgresServer, explained
from eventstore.database.statements import POSTGRESQL
from eventstore.errors import StoreUnavailable, UnsafeDatabase
from eventstore.event import Event, NewEvent
from eventstore.log import (
    KNOWN,
    LOCK_HEAD,
    OPEN_HEAD,
    Known,
    Origin,
    Outcome,
    contested_keys,
    known_from,
    place,
)
from eventstore.schema import event

_ANSWERING: Final = 10.0
"""Seconds until a statement that is not answered is given up."""

_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # a shutdown may come between a commit and its answer
)

Connection: TypeAlias = "asyncpg.Connection[Any]"


class _InDoubt(StoreUnavailable):
    """The connection was lost while a commit was under way: it may have come to pass."""

    def __init__(self, server: str, rows: Sequence[Event], outcomes: list[Outcome]) -> None:
        super().__init__(f"{server}: the connection was lost during a commit")
        self.rows = rows
        self.outcomes = outcomes


@dataclass
class PostgresLog:
    """Appends to the log over a few connections, each used by one transaction at a time."""

    server: PostgresServer
    schema: str = "log"
    connections: int = 4
    _free: "asyncio.LifoQueue[Connection | None]" = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.LifoQueue()
        for _ in range(self.connections):
            self._free.put_nowait(None)  # opened when it is needed
        self._head = compiled(LOCK_HEAD, POSTGRESQL, self.schema).text
        self._open_head = compiled(OPEN_HEAD, POSTGRESQL, self.schema).text
        self._insert_one = compiled(insert(event), POSTGRESQL, self.schema).text
        self._known = compiled(KNOWN, POSTGRESQL, self.schema).text

    async def open(self) -> None:
        """Connect once, to see that it can be done.

        Raises UnsafeDatabase when the server is set to lose what it acknowledged, and
        StoreUnavailable when it cannot be reached.
        """
        async with self._connection():
            pass

    async def append(self, origin: Origin, events: Sequence[NewEvent]) -> list[Outcome]:
        """Append events of a portal in one transaction; return an outcome for each, in order.

        When it returns, all of them are durable. Raises StoreUnavailable when they may not be:
        appending them again adds those that are not there, and nothing twice.
        """
        try:
            async with self._connection() as connection:
                return await self._append(connection, origin, events)
        except _InDoubt as doubt:
            async with self._connection(anew=True) as connection:
                if await self._came_to_pass(connection, doubt.rows[0]):
                    return doubt.outcomes
                return await self._append(connection, origin, events)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                raise
        # A server that was restarted has forgotten our connections, and may be back.
        async with self._connection(anew=True) as connection:
            return await self._append(connection, origin, events)

    @asynccontextmanager
    async def _connection(self, *, anew: bool = False) -> AsyncIterator[Connection]:
        connection = await self._free.get()
        try:
            if connection is not None and anew:
                connection.terminate()
            if connection is None or connection.is_closed():
                connection = await self._connect()
            yield connection
        except BaseException:
            # Whatever it was doing, nobody waits for it to be rolled back.
            if connection is not None:
                connection.terminate()
                connection = None
            raise
        finally:
            self._free.put_nowait(connection)

    async def _connect(self) -> Connection:
        connection = await self.server.connect({**BRIEF, **BY_INDEX}, answering=_ANSWERING)
        with explained(self.server):
            careless = await connection.fetch(
                "SELECT name FROM pg_settings WHERE setting = 'off'"
                " AND name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
            )
        if careless:
            await connection.close()
            names = " and ".join(sorted(name for (name,) in careless))
            raise UnsafeDatabase(
                f"{self.server.name}: {names} must be on, or acknowledged events could be lost"
            )
        return connection

    async def _append(
        self, connection: Connection, origin: Origin, events: Sequence[NewEvent]
    ) -> list[Outcome]:
        with explained(self.server):
            try:
                return await self._commit(connection, origin, events, look_up=False)
            except asyncpg.UniqueViolationError:
                # Some key is there already. That is rare enough not to look for it every time.
                await connection.execute("ROLLBACK")
                return await self._commit(connection, origin, events, look_up=True)

    async def _commit(
        self, connection: Connection, origin: Origin, events: Sequence[NewEvent], *, look_up: bool
    ) -> list[Outcome]:
        await connection.execute("BEGIN")
        head = await self._locked_head(connection, origin.portal_id)
        known = await self._find(connection, origin, events) if look_up else {}
        rows, outcomes = place(origin, head, events, known)
        if not rows:
            await connection.execute("ROLLBACK")
            return outcomes
        await self._insert(connection, rows)
        try:
            # Numbers of ours, and one round trip instead of two.
            await connection.execute(
                f"UPDATE {self.schema}.log_head SET position = {rows[-1].position:d}"  # noqa: S608
                f" WHERE portal_id = {origin.portal_id:d}; COMMIT"
            )
        except _LOST:
            raise _InDoubt(self.server.name, rows, outcomes) from None
        return outcomes

    async def _insert(self, connection: Connection, rows: Sequence[Event]) -> None:
        if len(rows) == 1:  # half the round trips of a COPY
            await connection.execute(self._insert_one, *rows[0])
            return
        await connection.copy_records_to_table(
            event.name, schema_name=self.schema, columns=event.columns.keys(), records=rows
        )

    async def _locked_head(self, connection: Connection, portal_id: int) -> int:
        head = await connection.fetchval(self._head, portal_id)
        if head is None:
            await connection.execute(self._open_head, portal_id, 0)
            head = await connection.fetchval(self._head, portal_id)
        return int(head)

    async def _find(
        self, connection: Connection, origin: Origin, events: Sequence[NewEvent]
    ) -> dict[str, Known]:
        async def stored(keys: list[str]) -> dict[str, Known]:
            return known_from(await connection.fetch(self._known, origin.portal_id, keys))

        known = await stored([new.key for new in events])
        return known | await stored(contested_keys(origin, events, known))

    async def _came_to_pass(self, connection: Connection, first: Event) -> bool:
        """Say whether a transaction was committed, by the salted commitment of its first row."""
        with explained(self.server):
            async with connection.transaction():
                # Whoever still holds the head may yet commit: wait until that is decided.
                await connection.fetchval(self._head, first.portal_id)
                stored = await connection.fetchval(
                    f"SELECT commitment FROM {self.schema}.event"  # noqa: S608 - our own name
                    " WHERE portal_id = $1 AND position = $2",
                    first.portal_id,
                    first.position,
                )
        return bool(stored == first.commitment)

    async def close(self) -> None:
        """Close the connections."""
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                await connection.close(timeout=_ANSWERING)
