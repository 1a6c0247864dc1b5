"""How often a token may ask: a moving window of its own, in this process's memory."""

import math
import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from api.problems import Problem
from eventstore.directory import Token


class Rates:
    """Counts the requests of tokens that have a rate. Others cost nothing."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, token: Token) -> None:
        """Count a request. Raises Problem(rate_limited) when the window has no room for it."""
        rate = token.limits.rate
        if rate is None:
            return
        item = RateLimitItemPerSecond(*rate)
        if await self._limiter.hit(item, token.id):
            return
        window = await self._limiter.get_window_stats(item, token.id)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        raise Problem(
            "rate_limited",
            f"This token may ask {rate}. Ask again in {seconds} s.",
            retry_after=seconds,
        )
