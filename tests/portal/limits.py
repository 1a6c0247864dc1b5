"""The limits of a portal (reference, 2.3): how often it may be called, and for how long."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from tests.portal.clock import Clock
from tests.portal.errors import PortalError

PERIOD: Final = 600.0
"""Seconds in which a method's time budget is counted."""

BUDGET: Final = 480.0
"""Seconds of work that a method may cost in that time."""


@dataclass
class _Bucket:
    level: float = 0.0
    at: float = 0.0


@dataclass
class _Spent:
    until: float = 0.0
    seconds: float = 0.0


@dataclass
class Limits:
    """Counts the calls of each source. Both limits are off until they are switched on."""

    clock: Clock
    per_second: float | None = None
    """Calls a second that a source may go on making; None for no limit, 2 on most plans."""
    burst: int = 50
    cost: float = 0.0
    """Seconds of work that a call of any method costs."""
    _buckets: dict[str, _Bucket] = field(default_factory=lambda: defaultdict(_Bucket))
    _spent: dict[tuple[str, str], _Spent] = field(default_factory=lambda: defaultdict(_Spent))

    def pass_or_refuse(self, source: str, method: str) -> None:
        """Count a call.

        Raises PortalError: 503 when it is one too many, 429 when the method's time is spent.
        """
        now = self.clock.now
        if self.per_second is not None:
            bucket = self._buckets[source]
            bucket.level = max(0.0, bucket.level - (now - bucket.at) * self.per_second)
            bucket.at = now
            if bucket.level + 1 > self.burst:
                raise PortalError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
            bucket.level += 1
        spent = self._spent[source, method]
        if spent.until <= now:
            spent.until, spent.seconds = now + PERIOD, 0.0
        if spent.seconds >= BUDGET:
            raise PortalError(
                429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."
            )
        spent.seconds += self.cost

    def operating(self, source: str, method: str) -> tuple[float, float]:
        """Say how many seconds a method has cost, and when that is forgotten."""
        spent = self._spent[source, method]
        return spent.seconds, spent.until
