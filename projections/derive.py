"""From events to all that they say: pure, and the same for a live step and for a rebuild."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from eventstore.event import Event
from projections.decode import decode
from projections.errors import Undecodable
from projections.facts import Fact
from projections.spans import Span, gather
from projections.tables import ProfileRow, UndecodedRow


class Derived(NamedTuple):
    """What some events say. What was derived at once is in it once."""

    facts: list[Fact]
    profiles: list[ProfileRow]
    spans: list[Span]
    undecoded: list[UndecodedRow]

    def extend(self, more: "Derived") -> None:
        """Add what other events say."""
        self.facts.extend(more.facts)
        self.profiles.extend(more.profiles)
        self.spans.extend(more.spans)
        self.undecoded.extend(more.undecoded)


def derive(events: Iterable[Event]) -> Derived:
    """Decode events. One that cannot be decoded leaves its reason, and stops nothing."""
    facts: list[Fact] = []
    profiles: dict[tuple[int, int], str] = {}
    subject_of: dict[int, int] = {}
    undecoded: list[UndecodedRow] = []
    for event in events:
        try:
            decoded = decode(event)
        except Undecodable as error:
            undecoded.append(UndecodedRow(event.portal_id, event.position, error.reason))
            continue
        facts += decoded.facts
        for profile_id, content in decoded.profiles.items():
            profiles[event.portal_id, profile_id] = content
            subject_of[profile_id] = subject(content)
    named = [ProfileRow(*key, content) for key, content in profiles.items()]
    return Derived(facts, named, list(gather(facts, subject_of).values()), undecoded)


@lru_cache(maxsize=65_536)
def subject(content: str) -> int:
    """Return the chat, the user or the queue that a profile is about."""
    seen = json.loads(content)
    return next(int(seen[each]) for each in ("user", "chat", "queue") if each in seen)
