"""Where read models must be the truth: wherever coverage claims that all was seen.

What happened in a hole, before anything was watched, or after what is claimed, may be missing, and
what it would have changed may be otherwise. Who is in a chat is never claimed.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.portal.truth import Chat, Message, World
from tests.promises.told import SECOND, Told


class Claim(NamedTuple):
    """What is said to be complete, in microseconds: all from `since` to `until`, but for holes.

    The seconds at the ends belong to nobody: in the same one, something else may have happened.
    """

    since: int
    until: int
    holes: Sequence[tuple[int, int]] = ()
    reactions: bool = True

    def covers(self, begin: int, end: int) -> bool:
        """Say whether all of a time is claimed."""
        inside = self.since < begin and end < self.until
        return inside and not any(since <= end and begin <= until for since, until in self.holes)


def missing(world: World, chat: Chat, claim: Claim, told: Told) -> Iterator[str]:
    """Give the messages of a chat that were posted while all was seen, and are not known."""
    for number in chat.messages:
        posted = world.messages[number].posted_at * SECOND
        if claim.covers(posted, posted) and number not in told.messages:
            yield f"message {number} is missing"


def untrue(message: Message, claim: Claim, told: Told) -> Iterator[str]:
    """Give what is not the truth of a message that is said to be known completely."""
    if _last_change(message) * SECOND >= claim.until:
        return
    said = told.messages.get(message.id)
    if said != _row(message):
        yield f"message {message.id}: {said} is not {_row(message)}"
    shown = [(at * SECOND, text) for at, text in message.shown]
    if told.versions.get(message.id) != shown:
        yield f"versions of {message.id}: {told.versions.get(message.id)} are not {shown}"
    if not claim.reactions:
        return
    for (user, code), intervals in message.reactions.items():
        held = told.reactions.get((message.id, user, code))
        if held != _times(intervals):
            yield f"{code} of {user} on {message.id}: {held} is not {_times(intervals)}"


def _last_change(message: Message) -> int:
    return max(
        message.texts[-1][0],
        message.deleted_at or 0,
        *(at or 0 for stays in message.reactions.values() for stay in stays for at in stay),
        0,
    )


def _row(message: Message) -> tuple[Any, ...]:
    return (
        message.chat_id,
        message.author,
        message.text,
        "live" if message.deleted_at is None else "deleted",
        message.posted_at * SECOND,
        None if message.deleted_at is None else message.deleted_at * SECOND,
        message.texts[-1][0] * SECOND if len(message.texts) > 1 else None,
    )


def _times(intervals: Iterable[Sequence[int | None]]) -> list[tuple[int | None, ...]]:
    return [tuple(None if at is None else at * SECOND for at in each) for each in intervals]
