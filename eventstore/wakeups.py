"""Hints between processes on one database that something was appended: never a promise."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from eventstore.database.postgresql import PostgresServer, explained
from eventstore.errors import StoreUnavailable

_CHANNEL: Final = "chronicle_appended"
_PACE: Final = 0.02
"""Seconds from one hint to the next: under load one stands for many."""

_RETRY: Final = 5.0
"""Seconds until a lost connection is made again. Meanwhile everybody polls, as always."""


class Wakeups(Protocol):
    """Tells the other processes that something was appended, and hears it from them."""

    def tell(self) -> None:
        """Say that something was appended."""

    async def close(self) -> None:
        """Tell and hear no more."""


class NoWakeups:
    """Where one process both appends and projects, nobody else needs a hint."""

    def tell(self) -> None:
        """There is nobody to tell."""

    async def close(self) -> None:
        """There is nothing to end."""


@dataclass
class PostgresWakeups:
    """LISTEN and NOTIFY over a connection of their own.

    NOTIFY in the transaction of an append would make all commits of a database wait for each
    other; here a late or a lost hint costs a second at most.
    """

    server: PostgresServer
    heard: Callable[[], None]
    _appended: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._task = asyncio.create_task(self._run())

    def tell(self) -> None:
        """Say that something was appended."""
        self._appended.set()

    async def close(self) -> None:
        """Tell and hear no more."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                await self._converse()
            await asyncio.sleep(_RETRY)

    async def _converse(self) -> None:
        connection = await self.server.connect({})
        try:
            with explained(self.server):
                await connection.add_listener(_CHANNEL, lambda *_: self.heard())
            # Who only waits would not notice that nobody can be heard any more.
            connection.add_termination_listener(lambda _: self._appended.set())
            while True:
                await self._appended.wait()
                self._appended.clear()
                with explained(self.server):
                    await connection.execute(f"NOTIFY {_CHANNEL}")
                await asyncio.sleep(_PACE)
        finally:
            connection.terminate()
