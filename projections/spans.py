"""Spans: when something was seen first and last on a day. Hot keys are folded from them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from eventstore.event import Instant
from projections.facts import MAX_ID, Fact, profile
from projections.stretches import named, receiver_id

DAY: Final = 86_400_000_000
"""A day of UTC, in microseconds."""

_PRESENT: Final = frozenset(
    # No edit: its user is the author, who need not be the one who acted (reference, trap 4).
    ("message_posted", "reaction_added", "reaction_removed", "command_called")
)

Subject = Literal["chat", "user", "presence", "queue"]
SpanKey = tuple[int, Subject, int, int, int, int]
"""The first six fields of a span."""


class Span(NamedTuple):
    """When something was seen first and last on one day. The fields are the columns, in order.

    | subject | `subject_id` | `user_id` | `profile` |
    |---|---|---|---|
    | `chat` | the chat | 0 | what was seen of it |
    | `user` | the user | 0 | what was seen of them |
    | `presence` | the chat | who was there | 0 |
    | `queue` | its receiver | 0 | how it was watched |

    `day` is in days since 1970-01-01, UTC.
    """

    portal_id: int
    subject: Subject
    subject_id: int
    user_id: int
    profile: int
    day: int
    first_at: Instant
    last_at: Instant
    first_position: int
    last_position: int


def gather(facts: Iterable[Fact], subject_of: Mapping[int, int]) -> dict[SpanKey, Span]:
    """Give what facts let us see: of chats, of users, of who was there, of how queues were watched.

    The bots that heard are users too. `subject_of` tells which user a user profile is about: that
    need not be the fact's own. To have acted in a chat is presence; to have joined it is not, nor
    is to have written what was deleted. Order and repetition change nothing. Runs for every event:
    about a microsecond a fact.
    """
    bounds: dict[SpanKey, list[int]] = {}
    for fact in facts:
        at, position = fact.occurred_at, fact.position
        for key in _keys(fact, subject_of):
            known = bounds.get(key)
            if known is None:
                bounds[key] = [at, at, position, position]
                continue
            if at < known[0]:
                known[0] = at
            elif at > known[1]:
                known[1] = at
            if position < known[2]:
                known[2] = position
            elif position > known[3]:
                known[3] = position
    return {key: Span(*key, *known) for key, known in bounds.items()}


def merge(spans: Iterable[Span], into: dict[SpanKey, Span] | None = None) -> dict[SpanKey, Span]:
    """Make one span of all of a key, in `into` if given. Order and repetition change nothing."""
    merged = {} if into is None else into
    for span in spans:
        key = span[:6]
        known = merged.setdefault(key, span)
        if known is not span:
            merged[key] = Span(
                *key,
                min(known.first_at, span.first_at),
                max(known.last_at, span.last_at),
                min(known.first_position, span.first_position),
                max(known.last_position, span.last_position),
            )
    return merged


def _keys(fact: Fact, subject_of: Mapping[int, int]) -> list[SpanKey]:
    portal_id, day = fact.portal_id, fact.occurred_at // DAY
    chat_id, user_id = fact.chat_id, fact.user_id
    keys: list[SpanKey] = []
    if chat_id is not None:
        if fact.chat_profile is not None:
            keys.append((portal_id, "chat", chat_id, 0, fact.chat_profile, day))
        if user_id and fact.kind in _PRESENT:
            keys.append((portal_id, "presence", chat_id, user_id, 0, day))
    if fact.user_profile is not None:
        subject = subject_of[fact.user_profile]
        keys.append((portal_id, "user", subject, 0, fact.user_profile, day))
    bot = _bot(fact.witness)
    if bot is not None:
        keys.append((portal_id, "user", bot[0], 0, bot[1], day))
    if fact.kind == "queue_watched":
        stretch = named(fact.witness, fact.detail or "")
        keys.append((portal_id, "queue", receiver_id(fact.witness), 0, stretch.id, day))
    return keys


@lru_cache(maxsize=4096)
def _bot(witness: str) -> tuple[int, int] | None:
    """Give the bot that a witness is, and the profile that says so."""
    family, _, number = witness.partition(":")
    if family != "bot" or not number.isdecimal() or len(number) > len(str(MAX_ID)):
        return None
    bot_id = int(number)
    return (bot_id, profile("user", bot_id, ("kind", "bot")).id) if 0 < bot_id <= MAX_ID else None
