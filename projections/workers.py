"""Runs the pieces of a build in other processes, and gives their results in order."""

import asyncio
import gc
import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.connection import wait
from typing import Any, Final, TypeVar

import uvloop

T = TypeVar("T")
Piece = TypeVar("Piece", bound=tuple[Any, ...])

_AHEAD: Final = 2
"""Pieces for each worker that are under way or wait to be taken: this bounds the memory."""


def calm_collector() -> None:
    """Let the garbage collector look for cycles rarely.

    Events, facts and rows are many, short-lived and without cycles: counting references frees
    them. Looking through them again and again took a quarter of a rebuild, and stalls of 40 ms
    in a server.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def default_jobs() -> int:
    """Return how many processes a build uses when nobody says."""
    return len(os.sched_getaffinity(0))


def begin() -> None:
    """Begin as a process of another one, with which it ends."""
    calm_collector()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _nothing() -> None:
    """What a process does to have started."""


def _end_with_parent() -> None:
    # A worker waits for ever for the next piece of a parent that was killed.
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this is a worker
    wait([parent.sentinel])
    os._exit(1)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a piece of work to its end, and give its result."""
    # By way of a list, since `asyncio.run` spells out whatever it returns, all of it, to put the
    # handler of Ctrl-C back: that took a sixth of the time.
    found: list[T] = []

    async def run() -> None:
        found.append(await work)

    uvloop.run(run())
    return found[0]


async def _result(piece: Piece, future: Future[T]) -> tuple[Piece, T]:
    return piece, await asyncio.wrap_future(future)


class Workers:
    """Some processes; with one job, a thread of this one."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._executor: Executor
        if jobs == 1:
            self._executor = ThreadPoolExecutor(1)
        else:
            # A fork would share open databases and running threads with its children.
            spawning = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(jobs, mp_context=spawning, initializer=begin)
        self._processes: set[multiprocessing.process.BaseProcess] = set()

    def start(self) -> None:
        """Begin to start the processes, which takes a while, before there is work for them."""
        for _ in range(self._jobs):
            self._submit(_nothing)

    async def in_order(
        self, work: Callable[..., T], pieces: Iterable[Piece]
    ) -> AsyncIterator[tuple[Piece, T]]:
        """Call `work` with each piece, some at a time; give each with its result, in order."""
        waiting: deque[tuple[Piece, Future[T]]] = deque()
        for piece in pieces:
            waiting.append((piece, self._submit(work, *piece)))
            if len(waiting) >= self._jobs * _AHEAD:
                yield await _result(*waiting.popleft())
        while waiting:
            yield await _result(*waiting.popleft())

    def _submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        # Processes that are started here never hear of Ctrl-C: one that ended by itself could take
        # a lock with it that all share. This process ends them.
        others = set(multiprocessing.active_children()) - self._processes
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._executor.submit(work, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._processes = set(multiprocessing.active_children()) - others

    def abandon(self) -> None:
        """End the processes at once: nobody wants any more what is under way. Then close it."""
        for process in self._processes:
            process.kill()

    def close(self) -> None:
        """End the processes; what is under way is finished first."""
        self._executor.shutdown(cancel_futures=True)
