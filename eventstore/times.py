"""How a moment is spelled, wherever one is: RFC 3339 in UTC, with microseconds."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from eventstore.event import Instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def spelled(instant: Instant) -> str:
    """Spell a moment: `2026-09-14T07:15:00.000000Z`."""
    second, microsecond = divmod(instant, 1_000_000)
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=10_000)  # a page shows the same moments again and again
def _second(second: int) -> str:
    # strftime does not pad the years before 1000, and costs more.
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]
