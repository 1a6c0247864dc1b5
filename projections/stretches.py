"""Stretches: how long a queue was watched without a break, and what was not seen before that."""

from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json

from eventstore.event import Instant
from projections.facts import MAX_ID, Profile, profile

Cause = Literal[
    "before_subscription",
    "poll_outage_over_retention",
    "poller_down",
    "access_lost",
    "receiver_sees_mentions_only",
    "foreign_reader",
]
"""Why something was not seen."""

UNTOLD: Final[Cause] = "poller_down"
"""The cause of a hole of which nobody told one that is known here."""

TOLD: Final[frozenset[Cause]] = frozenset(
    ("before_subscription", "poll_outage_over_retention", "poller_down", "foreign_reader")
)
"""The causes that a queue's watch tells of; the others are concluded."""


class Stretch(NamedTuple):
    """What a queue's watch says of itself each time: all but its end, which moves.

    `hole_from` is where the hole before `since` begins, null where there is none, or where it has
    no beginning; only the first has no `cause`.
    """

    receiver: str
    since: Instant
    sees: str
    hole_from: Instant | None
    cause: str | None


def receiver_id(receiver: str) -> int:
    """Return the number of the user or the bot that a receiver is; 0 for an application."""
    number = receiver.rpartition(":")[2]
    known = int(number) if number.isdecimal() else 0
    return known if known <= MAX_ID else 0


@lru_cache(maxsize=4_096)
def named(receiver: str, detail: str) -> Profile:
    """Name a stretch, by the `detail` of a fact that a queue was watched: of its own for ever."""
    told: dict[str, Any] = from_json(detail)
    hole = told.get("hole") or {}
    return profile(
        "queue",
        receiver_id(receiver),
        ("receiver", receiver),
        ("since", told["since"]),
        ("sees", told["sees"]),
        ("hole_from", hole.get("from")),
        ("cause", hole.get("cause")),
    )


def stretch_of(content: str) -> Stretch:
    """Return the stretch that a profile's content tells of."""
    told = from_json(content)
    return Stretch(*(told[field] for field in Stretch._fields))
