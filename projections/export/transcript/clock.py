"""How a page spells moments: in the zone that was asked for, each with its offset."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from eventstore.event import Instant
from eventstore.times import spelled

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Clock:
    """Spells moments in one zone of the world."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)

    def time(self, instant: Instant) -> str:
        """Spell a moment: `2026-09-14 10:15:00 +03:00`. UTC is named, parts of a second follow."""
        at = self._there(instant)
        offset = "UTC" if self.zone == "UTC" or at.tzinfo is UTC else at.isoformat()[-6:]
        parts = f".{at.microsecond:06}" if at.microsecond else ""
        return f"{at.isoformat(' ')[:19]}{parts} {offset}"

    def day(self, instant: Instant) -> str:
        """Spell the day of a moment: `Monday, 14 September 2026`."""
        at = self._there(instant)
        return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}"

    def machine(self, instant: Instant) -> str:
        """Spell a moment for a program, in UTC."""
        return spelled(instant)

    def _there(self, instant: Instant) -> datetime:
        at = _EPOCH + timedelta(microseconds=instant)
        try:
            return at.astimezone(self._zone)
        except OverflowError:  # the last hours of the year 9999, east of Greenwich
            return at
