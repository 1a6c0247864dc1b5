"""Asks a portal at the pace that all its callers share, again where that helps."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from eventstore.event import Instant
from eventstore.fetching.clock import Clock
from eventstore.fetching.means import Stop
from eventstore.fetching.pace import Pace
from eventstore.fetching.portal_client import Answer, PortalClient, RateLimited, Unreachable

_TRIES: Final = 8
"""How often a call that found nobody, or was one too many, is made."""

_LONGEST: Final = 60.0
"""Seconds until a portal that was not reached is tried again, at most."""


class Stopped(Exception):
    """Somebody has asked to end. What was told until then stays told."""


class Asking:
    """Calls the methods of one portal, one after another, until somebody asks to end."""

    def __init__(self, client: PortalClient, pace: Pace, clock: Clock, stop: Stop) -> None:
        self.calls = 0
        """How many calls were made."""
        self._client = client
        self._pace = pace
        self._clock = clock
        self._stop = stop
        self._random = Random()  # noqa: S311 - so that many who wait do not come back at once
        self._ahead = 0

    @property
    def portal_now(self) -> Instant:
        """What time it is by the portal's clock, as far as its answers told."""
        return self._clock.now() + self._ahead

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """Call a method. Raises PortalError, and Stopped."""
        for tried in range(1, _TRIES + 1):
            await self._rest(self._pace.ready_in(method))
            await self._pace.turn(method)
            self.calls += 1
            try:
                answer = await self._client.call(method, params)
            except RateLimited as error:
                self._pace.limited(method, error)
                if tried == _TRIES:
                    raise
            except Unreachable:
                if tried == _TRIES:
                    raise
                await self._rest(min(2.0**tried, _LONGEST) * (0.5 + self._random.random() / 2))
            else:
                self._pace.answered(method, answer)
                self._ahead = answer.at - self._clock.now()
                return answer
        raise AssertionError  # the last try returns or raises

    async def _rest(self, seconds: float) -> None:
        if not self._stop.asked and seconds > 0:
            await self._stop.rest(self._clock, seconds)
        if self._stop.asked:
            raise Stopped
