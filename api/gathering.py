"""Many readers wait for one sync: what they record is gathered, and written together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from eventstore.log import Pending

_LONGEST: Final = 0.002
"""Seconds that an entry waits for others, at most."""

Write = Callable[[Sequence[Pending]], Awaitable[object]]
"""Appends to a log. Raises StoreUnavailable when it does not take what it is given."""


@dataclass
class _Batch:
    written: asyncio.Future[None]
    entries: list[Pending] = field(default_factory=list)
    overdue: bool = False


class Gathering:
    """Writes one batch after another: each when everybody under way has brought an entry.

    A transaction costs about as much as a read does, whatever it holds. Who reads alone waits for
    nobody.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._underway = 0
        self._gathered: _Batch | None = None
        self._writing: asyncio.Task[None] | None = None

    @contextmanager
    def underway(self) -> Iterator[None]:
        """Let others wait for the entry that is brought, if any is, right after the context."""
        self._underway += 1
        try:
            yield
        finally:
            self._underway -= 1
            asyncio.get_running_loop().call_soon(self._begin)

    async def append(self, entry: Pending) -> None:
        """Append an entry. When this returns, it is written. Raises what `write` raises."""
        batch = self._gathered
        if batch is None:
            loop = asyncio.get_running_loop()
            batch = self._gathered = _Batch(loop.create_future())
            loop.call_later(_LONGEST, self._is_overdue, batch)
        batch.entries.append(entry)
        self._begin()
        await asyncio.shield(batch.written)

    def _is_overdue(self, batch: _Batch) -> None:
        batch.overdue = True
        self._begin()

    def _begin(self) -> None:
        batch = self._gathered
        if batch is None or self._writing is not None or (self._underway and not batch.overdue):
            return
        self._gathered = None
        self._writing = asyncio.create_task(self._finish(batch))

    async def _finish(self, batch: _Batch) -> None:
        try:
            await self._write(batch.entries)
        except Exception as error:  # noqa: BLE001 - it belongs to the readers, not to this task
            batch.written.set_exception(error)
        else:
            batch.written.set_result(None)
        finally:
            self._writing = None
            self._begin()
