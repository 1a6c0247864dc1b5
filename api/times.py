"""Moments at the edge: RFC 3339 in UTC with microseconds outside, integers inside."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from eventstore.event import Instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def now() -> Instant:
    """Return this moment."""
    return time.time_ns() // 1000


def shown(instant: Instant | None) -> str | None:
    """Spell a moment: `2026-09-14T07:15:00.000000Z`."""
    return None if instant is None else spelled(instant)


def spelled(instant: Instant) -> str:
    """Spell a moment that is known."""
    second, microsecond = divmod(instant, 1_000_000)
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=10_000)  # a page shows the same moments again and again
def _second(second: int) -> str:
    # strftime does not pad the years before 1000, and costs more.
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]


def to_instant(at: datetime) -> Instant:
    """Return the moment of an aware datetime."""
    return (at - _EPOCH) // _MICROSECOND
