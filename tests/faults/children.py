"""Processes that a test may kill, and what they tell it until then.

A child is forked from a process that has imported everything, so it begins within a hundredth of
a second. What it says goes line by line through a pipe that the test owns.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Timer
from typing import Any, Final

from tests.forking import FORKING

_PATIENCE: Final = 120
"""Seconds after which a child that goes on and on is a failure."""


class Voice:
    """How a child speaks to its test: a line is said whole, or not at all."""

    def __init__(self, said: Connection, told: Connection) -> None:
        self._said = said
        self._told = told

    def say(self, line: str) -> None:
        """Tell the test; from now on it knows, even if this process ends at once."""
        os.write(self._said.fileno(), f"{line}\n".encode())

    def wait(self) -> None:
        """Wait until the test says to go on."""
        self._told.recv_bytes()


class Child:
    """A process that does some work, until it is done or killed."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        heard, said = FORKING.Pipe(duplex=False)
        told, self._tell = FORKING.Pipe(duplex=False)
        self._process = FORKING.Process(target=_run, args=(work, Voice(said, told), *arguments))
        self._process.start()
        said.close()
        told.close()
        self._heard = heard
        self._lines = open(heard.fileno(), closefd=False)  # noqa: SIM115 - closed in `end`
        self._timers: list[Timer] = []
        self.status: int | None = None
        self.kill_after(_PATIENCE)

    @property
    def pid(self) -> int:
        """Its process id, which is that of its main thread, too."""
        assert self._process.pid is not None
        return self._process.pid

    def line(self) -> str:
        """The next line that it says, or nothing at its end."""
        return self._lines.readline().rstrip("\n")

    def lines(self) -> Iterator[str]:
        """All that it says until its end."""
        while line := self.line():
            yield line

    def go_on(self) -> None:
        """Tell it to go on."""
        self._tell.send_bytes(b"go on")

    def kill(self) -> None:
        """End it as a power cut does, with no chance to do anything."""
        self._process.kill()

    def kill_after(self, seconds: float) -> None:
        """Kill it then, if it still runs."""
        timer = Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def end(self) -> None:
        """Wait for its end, and learn its status: the signal that ended it is a negative."""
        self._process.join()
        for timer in self._timers:
            timer.cancel()
            timer.join()
        self.status = self._process.exitcode
        self._process.close()
        for pipe in (self._lines, self._heard, self._tell):
            pipe.close()


@contextmanager
def child(work: Callable[..., None], *arguments: Any) -> Iterator[Child]:
    """Run a child for as long as the context lasts: what is left of it is killed."""
    one = Child(work, *arguments)
    try:
        yield one
    except BaseException:
        one.kill()
        raise
    finally:
        one.end()


def _run(work: Callable[..., None], voice: Voice, *arguments: Any) -> None:
    _let_anybody_trace_us()
    work(voice, *arguments)


def _let_anybody_trace_us() -> None:
    """Some kernels let a tracer have none but its own children."""
    pr_set_ptracer, anybody = 0x59616D61, ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(pr_set_ptracer, anybody, 0, 0, 0)
