"""Progress of work that takes longer than a second."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

_PATIENCE: Final = 1.0
"""Seconds that nobody minds not to be told about."""

_EVERY: Final = 5.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """A bar on a terminal; a line every five seconds elsewhere. On stderr."""

    def __init__(self, noun: str, total: int | None = None) -> None:
        self.noun = noun
        self.total = total
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._due = self._started + (_PATIENCE if self._terminal else _EVERY)
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, done: int, total: int | None = None) -> None:
        """Say how far the work is, if it is time to."""
        now = time.monotonic()
        if now < self._due:
            return
        self.total = self.total if total is None else total
        rate = done / max(now - self._started, 1e-9)
        if self._terminal:
            self._draw(done, rate)
        else:
            self._due = now + _EVERY
            print(self._line(done, rate), file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Tell a person something without tearing the bar."""
        if self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(line)

    def _draw(self, done: int, rate: float) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._bar.add_task(self.noun, total=self.total, rate="")
            self._bar.start()
        task = self._bar.task_ids[0]
        self._bar.update(task, completed=done, total=self.total, rate=f"{rate:,.0f}/s")

    def _line(self, done: int, rate: float) -> str:
        if not self.total or not rate:
            return f"{done:,} {self.noun}, {rate:,.0f}/s"
        left = max(self.total - done, 0) / rate
        return f"{done:,}/{self.total:,} {self.noun}, {rate:,.0f}/s, {left:,.0f} s left"


def _bar() -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, highlight=False, emoji=False),
        transient=True,
    )
