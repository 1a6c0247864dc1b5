"""How often one portal is asked from here, whoever asks: its limits are per portal and method."""

import asyncio
from collections import defaultdict
from typing import Final

from eventstore.fetching.clock import Clock
from eventstore.fetching.portal_client import Answer, RateLimited

_SPACING: Final = 0.5
"""Seconds between two calls: a portal gives two a second (reference, section 2.3)."""

_BUDGET: Final = 480.0
_SPARED: Final = 0.8
"""Seconds in ten minutes that a method may work for us (docs of the limits), and how much is used:
the rest is for other applications of the portal's owner."""

_WINDOW: Final = 600.0
_PAUSE: Final = 5.0
"""Seconds until the next call where a portal that wants fewer does not say when."""


class Pace:
    """The pace of all calls to one portal. Seconds are of the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._next = 0.0
        self._closed_until: defaultdict[str, float] = defaultdict(float)

    def ready_in(self, method: str) -> float:
        """Return for how many seconds a method must not be asked: because of limits, or budgets."""
        return max(max(self._next, self._closed_until[method]) - self._clock.monotonic(), 0)

    async def turn(self, method: str) -> None:
        """Wait until the portal may be asked, behind all who wait already."""
        while (wait := self._closed_until[method] - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        async with self._one_at_a_time:
            await self._clock.sleep(max(self._next - self._clock.monotonic(), 0))
            self._next = max(self._next, self._clock.monotonic() + _SPACING)

    def answered(self, method: str, answer: Answer) -> None:
        """Spare a method whose budget is nearly used up, until its window ends."""
        if answer.operating is None or answer.operating < _BUDGET * _SPARED:
            return
        reset_at = answer.operating_reset_at or answer.at
        left = min(max((reset_at - answer.at) / 1_000_000, 0), _WINDOW)
        self._closed_until[method] = self._clock.monotonic() + left

    def limited(self, method: str, error: RateLimited) -> float:
        """Ask nothing for a while, or not this method; return for how many seconds."""
        wait = min(error.retry_after or (_WINDOW if error.budget else _PAUSE), _WINDOW)
        until = self._clock.monotonic() + wait
        if error.budget:
            self._closed_until[method] = until
        else:
            self._next = max(self._next, until)
        return wait
