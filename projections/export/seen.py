"""What an export says of how well its portal was seen: never that it is all."""

from collections.abc import Iterable

from eventstore.event import Instant
from projections.coverage import ALWAYS, NEVER, Status, Watched, Window, summary
from projections.export.wanted import Said, Wanted


class HoleSaid(Said):
    """What was not seen, and why; it has no beginning, or no end, where that is null."""

    since: Instant | None
    until: Instant | None
    cause: str
    receiver: str | None
    repaired: bool


class CoverageSaid(Said):
    """From when until when the portal's queues were watched, and the holes in that."""

    status: Status
    since: Instant | None
    until: Instant | None
    reactions: Status
    holes: tuple[HoleSaid, ...]


def coverage_said(watched: Iterable[Watched], wanted: Wanted) -> CoverageSaid | None:
    """Say how a portal's queues were watched; of some of its chats alone that says nothing."""
    if wanted.chats is not None:
        return None
    end = NEVER if wanted.as_of is None else wanted.as_of
    found = summary(watched, Window(ALWAYS, end))
    return CoverageSaid(
        status=found.status,
        since=found.since,
        until=found.until,
        reactions=found.reactions,
        holes=tuple(
            HoleSaid(
                since=hole.begin,
                until=hole.until,
                cause=hole.cause,
                receiver=hole.receiver,
                repaired=hole.repaired,
            )
            for hole in found.holes
        ),
    )
