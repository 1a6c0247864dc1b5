"""The coalescing appender: the one door to the log inside a process."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.log import Commit, Origin, Outcome, Pending

MAX_BATCH: Final = 2_000
"""Events in one transaction, unless one caller brings more."""


@dataclass(slots=True)
class Counts:
    """What the appender did since it was made."""

    appended: int = 0
    duplicate: int = 0
    conflict: int = 0
    failed: int = 0
    commits: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Waiting:
    batch: Sequence[Pending]
    done: asyncio.Future[list[Outcome]]


class Appender:
    """Collects what callers bring into one transaction after another.

    While one transaction is written, the next one fills: under load many callers share one sync.
    """

    def __init__(self, commit: Commit) -> None:
        self.counts = Counts()
        self._commit = commit
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-writer")
        self._waiting: deque[_Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, origin: Origin, event: NewEvent) -> Outcome:
        """Append one event. When this returns, the event is on disk.

        Raises StoreUnavailable when it is not.
        """
        return (await self.append_all([Pending(origin, event)]))[0]

    async def append_all(self, batch: Sequence[Pending]) -> list[Outcome]:
        """Append events together, all or none; return an outcome for each, in their order.

        Raises StoreUnavailable when none is in the log.
        """
        if self._closed:
            raise StoreUnavailable("the appender is closed")
        if not batch:
            return []
        waiting = _Waiting(batch, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._running is None:
            self._running = asyncio.create_task(self._drain())
        # A caller that goes away must not take its neighbours' transaction with it.
        return await asyncio.shield(waiting.done)

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        self._closed = True
        if self._running is not None:
            await self._running
        self._thread.shutdown()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._write(self._take())
        finally:
            self._running = None

    def _take(self) -> list[_Waiting]:
        taken = [self._waiting.popleft()]
        size = len(taken[0].batch)
        while self._waiting and size + len(self._waiting[0].batch) <= MAX_BATCH:
            taken.append(self._waiting.popleft())
            size += len(taken[-1].batch)
        return taken

    async def _write(self, taken: list[_Waiting]) -> None:
        batch = [pending for waiting in taken for pending in waiting.batch]
        started = perf_counter()
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._commit, batch
            )
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, not to this loop
            await self._fail(taken, error)
            return
        self.counts.commits += 1
        self.counts.seconds += perf_counter() - started
        self._count(outcomes)
        begin = 0
        for waiting in taken:
            end = begin + len(waiting.batch)
            if not waiting.done.done():
                waiting.done.set_result(outcomes[begin:end])
            begin = end

    async def _fail(self, taken: list[_Waiting], error: Exception) -> None:
        if len(taken) > 1:
            # One caller's events must not fail its neighbours'.
            for waiting in taken:
                await self._write([waiting])
            return
        self.counts.failed += len(taken[0].batch)
        if not taken[0].done.done():
            taken[0].done.set_exception(error)
            taken[0].done.exception()  # a caller that went away will not ask for it

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            setattr(self.counts, outcome.outcome, getattr(self.counts, outcome.outcome) + 1)
