"""Time as fetching sees it: a test gives its own."""

import asyncio
import time
from typing import Protocol

from eventstore.event import Instant


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> Instant:
        """Return this moment, which may be set back."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> Instant:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
