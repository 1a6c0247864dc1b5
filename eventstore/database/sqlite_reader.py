"""A connection that reads a SQLite file: what is quick is done at once, what is slow in a thread.

To hand a statement to a thread and its rows back costs ten times what finding a row by its key
does. A slow statement, or a slow disk, must not hold up everybody else in the process.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Final, TypeVar

T = TypeVar("T")

_QUICK: Final = 0.002
"""Seconds after which a statement is stopped, and begun again in a thread."""

_STEPS: Final = 1_000
"""Instructions of SQLite's between two looks at the clock: some 20 us."""

_REMEMBERED: Final = 50
"""So many times a statement that was slow goes to the thread without being tried."""

_NEVER_SLOW: Final = frozenset({"BEGIN", "COMMIT"})
"""What takes no time, and could be done when it is stopped: begun again, it would fail."""

_BUSY: Final = 5.0
"""Seconds that a lock is waited for: only the recovery of a file takes one that readers meet."""


class SqliteReader:
    """A connection that only reads, used by one task at a time, as `aiosqlite.Connection` is."""

    def __init__(self, address: str, *, alone: bool = False) -> None:
        """Open it; who is `alone` on their thread holds up nobody. Raises sqlite3.Error."""
        self._connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        self._patience = float("inf") if alone else _QUICK
        if not alone:
            self._connection.set_progress_handler(self._is_late, _STEPS)
        self._deadline = float("inf")
        self._slow: dict[str, int] = {}
        self._thread: ThreadPoolExecutor | None = None

    async def execute_fetchall(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a statement."""
        if not self._expected_slow(sql):
            if sql not in _NEVER_SLOW:
                self._deadline = perf_counter() + self._patience
            try:
                return self._connection.execute(sql, parameters).fetchall()
            except sqlite3.OperationalError as error:
                # What is not UTF-8 has no code at all.
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
                    raise
                self._slow[sql] = _REMEMBERED
            finally:
                self._deadline = float("inf")
        return await self._in_thread(self._fetched, sql, parameters)

    @asynccontextmanager
    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> AsyncIterator["_Cursor"]:
        """Begin a statement whose rows are fetched some at a time."""
        cursor = await self._in_thread(self._connection.execute, sql, parameters)
        try:
            yield _Cursor(self._in_thread, cursor)
        finally:
            cursor.close()

    @asynccontextmanager
    async def executemany(self, sql: str, values: Iterable[Any]) -> AsyncIterator[None]:
        """Try to run a statement for each of some parameters: SQLite refuses to write."""
        await self._in_thread(self._connection.executemany, sql, values)
        yield

    async def rollback(self) -> None:
        """End what was begun, if anything was."""
        self._connection.rollback()

    async def close(self) -> None:
        """Close it."""
        if self._thread is not None:
            self._thread.shutdown()
        self._connection.close()

    def _fetched(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        return self._connection.execute(sql, parameters).fetchall()

    def _is_late(self) -> bool:
        return perf_counter() > self._deadline

    def _expected_slow(self, sql: str) -> bool:
        left = self._slow.get(sql, 0)
        if left:
            self._slow[sql] = left - 1
        return bool(left)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sqlite-reader")
        working = asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            # Whoever has the connection next must find nothing running there.
            self._connection.interrupt()
            await asyncio.wait([working])
            raise


class _Cursor:
    """The rows of a statement that was begun."""

    def __init__(self, in_thread: Callable[..., Any], cursor: sqlite3.Cursor) -> None:
        self._in_thread = in_thread
        self._cursor = cursor

    async def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows; none at the end."""
        rows: list[Any] = await self._in_thread(self._cursor.fetchmany, size)
        return rows
