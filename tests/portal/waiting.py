"""Time as those see it who ask a simulated portal: waiting takes none of ours."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

CALM: Final = 0.001
"""Seconds of ours in which nobody begins to wait, before the first of those who wait goes on: what
is at work meanwhile may be a thread. Where only one ever waits, 0 will do."""


class Moving(Protocol):
    """A clock that can be moved."""

    @property
    def now(self) -> float:
        """What time it is."""

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""


class PortalTime:
    """A clock for pollers: the portal's own, which moves when everybody waits.

    `live` is told until when time is to pass, and lets people do meanwhile what they do; the
    clock is moved by it.
    """

    def __init__(
        self, clock: Moving, live: Callable[[float], None] | None = None, *, calm: float = CALM
    ) -> None:
        self._clock = clock
        self._live = live
        self._waiting: list[tuple[float, int]] = []
        self._numbers = count()
        self._stirred = 0
        self._calm = calm

    def now(self) -> int:
        """Give this moment in microseconds."""
        return int(self._clock.now * 1_000_000)

    def monotonic(self) -> float:
        """Give seconds that only ever grow."""
        return self._clock.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the portal's clock has moved on so far."""
        me = (self._clock.now + seconds, next(self._numbers))
        heapq.heappush(self._waiting, me)
        self._stirred += 1
        try:
            while self._clock.now < me[0]:
                seen = self._stirred
                await asyncio.sleep(self._calm)
                if self._waiting[0] == me and self._stirred == seen:
                    self._pass_until(me[0])
        finally:
            self._waiting.remove(me)
            heapq.heapify(self._waiting)
            self._stirred += 1

    def _pass_until(self, moment: float) -> None:
        if self._live is not None:
            self._live(moment)
        if self._clock.now < moment:
            self._clock.advance(moment - self._clock.now)
