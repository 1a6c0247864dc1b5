"""Moments at the edge: RFC 3339 in UTC with microseconds outside, integers inside."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from eventstore.event import Instant
from eventstore.times import spelled

__all__ = ["now", "shown", "spelled", "to_instant"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def now() -> Instant:
    """Return this moment."""
    return time.time_ns() // 1000


def shown(instant: Instant | None) -> str | None:
    """Spell a moment: `2026-09-14T07:15:00.000000Z`."""
    return None if instant is None else spelled(instant)


def to_instant(at: datetime) -> Instant:
    """Return the moment of an aware datetime.

    Raises ValueError where that is before the year 1 or after 9999 in UTC: it has no spelling.
    """
    try:
        return (at.astimezone(UTC) - _EPOCH) // _MICROSECOND
    except OverflowError:
        raise ValueError("in UTC, it is before the year 1 or after 9999") from None
