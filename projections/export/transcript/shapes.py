"""What a transcript shows: the parts of a page, as its templates take them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from markupsafe import Markup

from eventstore.event import Instant
from projections.facts import Basis
from projections.profiles import ChatRow, ChatVersionRow

BASES: Final = {
    "event": "Bitrix24 reported it as it happened.",
    "observed": "It was seen on something else that Bitrix24 reported.",
    "rest_snapshot": "It was read out later: it was so at that time at the latest.",
    "inferred": "It was concluded from something else, and nobody reported it as such.",
    "unknown": "Nobody told, and nothing shows it.",
}
"""What the words behind a time, or behind a name, mean."""

CAUSES: Final = {
    "before_subscription": "nobody listened there yet",
    "poll_outage_over_retention": "the queue was not fetched for longer than Bitrix24 keeps it",
    "poller_down": "nobody fetched the queue",
    "foreign_reader": "another program took events out of the queue",
    "access_lost": "the receiver was not in the chat, or it is not known that it was",
    "receiver_sees_mentions_only": "the receiver is told only of what mentions it",
}
"""Why something was not seen."""


class When(NamedTuple):
    """A moment, and how it is known. With `after`, it was between that and `at`."""

    at: Instant | None
    after: Instant | None
    basis: Basis


class Who(NamedTuple):
    """Somebody, by the name of that time. `later`: the name was seen only afterwards."""

    id: int
    name: str | None
    later: bool = False


class Done(NamedTuple):
    """An edit or a deletion: when, and by whom, null where nothing hints at it."""

    when: When
    by: Who | None
    by_basis: Basis


class Text(NamedTuple):
    """A text that a message had. `html` is null where it is left out, empty where it is empty."""

    number: int
    html: Markup | None
    since: When
    until: When | None
    standing: Literal["stands", "replaced", "deleted"]


class Reaction(NamedTuple):
    """That somebody held a reaction."""

    code: str
    who: Who
    since: When
    until: When | None


class Hole(NamedTuple):
    """What was not seen, and why."""

    begin: Instant | None
    until: Instant | None
    cause: str
    receiver: str | None
    repaired: bool


class Reply(NamedTuple):
    """What a message replies to, as far as the source told."""

    message_id: int | None
    author: Who | None
    html: Markup | None


class Place(NamedTuple):
    """Where a message stands: its number, and its day, where that is another than the last one's.

    `before` are the holes that begin before it.
    """

    number: int
    day: str | None
    before: Sequence[Hole]


class Message(NamedTuple):
    """A message, with all that is known of it."""

    place: Place
    id: int
    author: Who | None
    system: bool
    posted: When
    texts: Sequence[Text]
    edited: Done | None
    deleted: Done | None
    reply: Reply | None
    forward: Any
    files: Sequence[Any]
    reactions: Sequence[Reaction]
    positions: tuple[int, int]
    witnesses: Sequence[str]


class Member(NamedTuple):
    """A stay of somebody in the chat."""

    who: Who
    joined: When
    first_seen_at: Instant
    left: When | None


class Title(NamedTuple):
    """What a chat was called, from one moment until the next."""

    title: str | None
    since: Instant
    until: Instant | None


class Head(NamedTuple):
    """What a page says before the first message."""

    portal: str
    chat: ChatRow
    titles: Sequence[Title]
    position: int
    head: int
    made_at: Instant
    version: str
    as_of: Instant | None
    since: Instant | None
    until: Instant | None
    coverage: Any
    holes: Sequence[Hole]
    withhold: bool


def titles(versions: Iterable[ChatVersionRow]) -> list[Title]:
    """Return what a chat was called, oldest first; other parts of its profile change too."""
    found: list[Title] = []
    for row in versions:
        if found and found[-1].title == row.title:
            found[-1] = found[-1]._replace(until=row.until_at)
        else:
            found.append(Title(row.title, row.from_at, row.until_at))
    return found
