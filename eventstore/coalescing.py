"""One transaction after another for many callers, in a thread: what writes a SQLite file."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from eventstore.appender import MAX_BATCH
from eventstore.errors import StoreUnavailable
from eventstore.log import Pending

T = TypeVar("T")
"""What a caller is told of an event."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    batch: Sequence[Pending]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[T]]


class Coalescing(Generic[T]):
    """Collects what callers bring into one transaction after another, in a thread of its own.

    While one transaction is written, the next one fills: under load many callers share one sync.
    """

    def __init__(self, commit: Callable[[Sequence[Pending]], list[T]], thread: str) -> None:
        self._commit = commit
        self._waiting: SimpleQueue[_Waiting[T] | None] = SimpleQueue()
        # A process that ends without closing has acknowledged nothing that is not written.
        self._thread = Thread(target=self._run, name=thread, daemon=True)
        self._thread.start()
        self._closed = False

    async def append_all(self, batch: Sequence[Pending]) -> list[T]:
        """Append events together, all or none; return an outcome for each, in their order.

        When this returns, all are on disk. Raises StoreUnavailable, or what `commit` raises, when
        none is.
        """
        if self._closed:
            raise StoreUnavailable("the appender is closed")
        if not batch:
            return []
        loop = asyncio.get_running_loop()
        waiting: _Waiting[T] = _Waiting(batch, loop, loop.create_future())
        self._waiting.put(waiting)
        return await waiting.done

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            taken = [first, *self._more(len(first.batch))]
            self._write(taken)

    def _more(self, size: int) -> Iterator[_Waiting[T]]:
        while size < MAX_BATCH:
            try:
                waiting = self._waiting.get_nowait()
            except Empty:
                return
            if waiting is None:
                self._waiting.put(None)  # written first, then the end is met again
                return
            size += len(waiting.batch)
            yield waiting

    def _write(self, taken: list[_Waiting[T]]) -> None:
        try:
            outcomes = self._commit([pending for waiting in taken for pending in waiting.batch])
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, not to this thread
            self._fail(taken, error)
            return
        begin = 0
        for waiting in taken:
            own = outcomes[begin : begin + len(waiting.batch)]
            begin += len(own)
            _tell(waiting, own)

    def _fail(self, taken: list[_Waiting[T]], error: Exception) -> None:
        if len(taken) > 1:
            # One caller's events must not fail its neighbours'.
            for waiting in taken:
                self._write([waiting])
            return
        _tell(taken[0], error)


def _tell(waiting: _Waiting[T], result: list[T] | Exception) -> None:
    def tell() -> None:
        if waiting.done.done():  # the caller went away
            return
        if isinstance(result, Exception):
            waiting.done.set_exception(result)
        else:
            waiting.done.set_result(result)

    if not waiting.loop.is_closed():
        waiting.loop.call_soon_threadsafe(tell)
