"""How a queue was watched: the unbroken stretch, and what was not seen right before it.

What is told of it stands in the log for ever, so it claims no more than is known. An event that is
committed late is seen later, and is lost if nobody comes back within the retention: so a stretch
ends LAG before the last answer, and behind an outage the next one begins LAG later than it might.
All times are the portal's, of whole seconds: what begins with an answer begins a second later.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from eventstore.event import Instant
from eventstore.fetching.queue import LAG, RETENTION, SECOND
from eventstore.own_events import QUEUE_WATCHED
from eventstore.times import spelled

TELLING: Final = 600 * 1_000_000
_FIRST: Final = 60 * 1_000_000
"""Microseconds of watching after which it is told: a minute at first, then as long as it lasted."""

Sees = Literal["everything", "mentions"]
Cause = Literal[
    "before_subscription", "poll_outage_over_retention", "poller_down", "foreign_reader"
]


@dataclass(frozen=True)
class Watch:
    """The stretch from `since` until `until`, and how much of it was told.

    `hole_from` is the beginning of what was not seen right before it, None where that has none.
    """

    since: Instant | None = None
    until: Instant | None = None
    told_until: Instant | None = None
    sees: str | None = None
    hole_from: Instant | None = None
    hole_cause: str | None = None

    def watched(self, *, at: Instant, until: Instant, sees: Sees, cause: Cause) -> "Watch":
        """Know that the queue was read: nothing is left in it up to `until`.

        `cause` is why nobody read it, if that was for longer than the portal keeps events.
        """
        if self.since is None or self.until is None:
            return Watch(at + SECOND, at + SECOND, None, sees, None, "before_subscription")
        kept_since = at - RETENTION + LAG
        if self.until < kept_since:
            return _begin(self.until, kept_since, until, sees, cause)
        if sees != self.sees:
            return Watch(self.until, max(until, self.until), None, sees)
        return replace(self, until=max(until, self.until))

    def broken(
        self, *, since: Instant, until: Instant, sees: Sees, cause: Cause, seen: Instant | None
    ) -> "Watch":
        """Know that something may be lost between `seen` and `since`: a new stretch begins."""
        known = [moment for moment in (self.until, seen) if moment is not None]
        if self.since is None or not known:
            return Watch(since, since, None, sees, None, "before_subscription")
        return _begin(min(known), max(since, *known), until, sees, cause)

    def begun_again(self, *, since: Instant, sees: Sees) -> "Watch":
        """Know that more may be lost: the hole that was told of goes on until `since`."""
        since = max(since, self.since or since)
        return Watch(since, since, None, sees, self.hole_from, self.hole_cause)

    @property
    def robbed(self) -> bool:
        """Whether it only began, behind a theft: it goes on when an event is met again."""
        return self.hole_cause == "foreign_reader" and self.since == self.until

    def due(self, *, now: bool) -> bool:
        """Say whether there is something to tell: every ten minutes, or all that is new now."""
        if self.since is None or self.until is None:
            return False
        if self.told_until is None:
            return True
        every = min(max(self.told_until - self.since, _FIRST), TELLING)
        return self.until - self.told_until >= (1 if now else every)

    def told(self) -> "Watch":
        """Know that all of it was told."""
        return replace(self, told_until=self.until)

    def event(self, method: str, sees: Sees) -> dict[str, Any]:
        """Spell what is told of it (`eventstore.own_events`)."""
        since, until = self.since or 0, self.until or 0
        hole = None
        if self.hole_cause is not None:
            beginning = None if self.hole_from is None else spelled(self.hole_from)
            hole = {"from": beginning, "cause": self.hole_cause}
        return {
            "type": QUEUE_WATCHED,
            "date": spelled(until),
            "data": {
                "method": method,
                "since": spelled(since),
                "until": spelled(until),
                "sees": sees,
                "hole": hole,
            },
        }


def _begin(hole_from: Instant, since: Instant, until: Instant, sees: Sees, cause: Cause) -> Watch:
    return Watch(since, max(since, until), None, sees, hole_from, cause)
