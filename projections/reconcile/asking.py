"""Asks a portal as often as it likes to be asked, and waits where it says so."""

import asyncio
from collections.abc import Coroutine, Mapping
from random import Random
from typing import Any, Final

from eventstore.event import Instant
from eventstore.fetching.clock import Clock
from eventstore.fetching.portal_client import Answer, PortalClient, RateLimited, Unreachable

_APART: Final = 0.5
"""Seconds between two calls: what every plan allows to go on for ever (reference, section 7)."""

_TRIES: Final = 8
"""How often a call that found nobody, or was one too many, is made again."""

_LONGEST: Final = 60.0
"""Seconds until the next try, at most, where the portal does not say."""

_BUDGET: Final = 400.0
"""Seconds of work, of the 480 that a method has in ten minutes: the rest is for who polls."""

_WINDOW: Final = 600.0
"""Seconds after which a budget is whole again, where the portal does not say."""


class Stopped(Exception):
    """Somebody has asked to end. What was told until then stays told."""


class Asking:
    """Calls the methods of one portal, one after another. `stop` ends it before the next call."""

    def __init__(self, client: PortalClient, clock: Clock, stop: asyncio.Event) -> None:
        self.calls = 0
        """How many calls were made."""
        self._client = client
        self._clock = clock
        self._stop = stop
        self._random = Random()  # noqa: S311 - so that many who wait do not come back at once
        self._due = clock.monotonic()
        self._ahead = 0

    @property
    def portal_now(self) -> Instant:
        """What time it is by the portal's clock, as far as its answers told."""
        return self._clock.now() + self._ahead

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method, again where that may help. Raises PortalError, and Stopped."""
        for tried in range(_TRIES):
            await self._wait(self._due - self._clock.monotonic())
            self._due = self._clock.monotonic() + _APART
            self.calls += 1
            try:
                answer = await self._client.call(method, params)
            except RateLimited as error:
                if tried == _TRIES - 1:
                    raise
                await self._wait(error.retry_after or self._later(tried, budget=error.budget))
            except Unreachable:
                if tried == _TRIES - 1:
                    raise
                await self._wait(self._later(tried, budget=False))
            else:
                self._learn(answer)
                return answer
        raise AssertionError  # the last try returns or raises

    def _learn(self, answer: Answer) -> None:
        self._ahead = answer.at - self._clock.now()
        if answer.operating is not None and answer.operating > _BUDGET:
            ends = answer.operating_reset_at
            rest = _WINDOW if ends is None else min(max((ends - answer.at) / 1e6, 0), _WINDOW)
            self._due = max(self._due, self._clock.monotonic() + rest)

    def _later(self, tried: int, *, budget: bool) -> float:
        """Say how long to wait where the portal does not: longer each time."""
        if budget:
            return _WINDOW / 4
        return min(2.0**tried, _LONGEST) * (0.5 + self._random.random() / 2)

    async def _wait(self, seconds: float) -> None:
        if self._stop.is_set():
            raise Stopped
        if seconds > 0:
            await self._sleep(self._clock.sleep(seconds))

    async def _sleep(self, sleeping: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.ensure_future(sleeping), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if self._stop.is_set():
            raise Stopped
