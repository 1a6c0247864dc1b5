"""Watches: from when until when each queue was watched, and what was not seen in between."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from eventstore.event import Instant
from projections.spans import Span
from projections.stretches import stretch_of
from projections.tables import table_of


class WatchRow(NamedTuple):
    """A stretch in which a queue was watched. The fields are the columns, in their order.

    `receiver_id` is the number in `receiver`. `sees` is `everything` or `mentions`. The hole right
    before `since` has a `cause`; its `hole_from` is null where it has no beginning.
    """

    portal_id: int
    receiver_id: int
    ordinal: int
    receiver: str
    since: Instant
    until: Instant
    sees: str
    hole_from: Instant | None
    cause: str | None


watch: Final = table_of("watch", WatchRow, key=3, rowid=False)


def watch_rows(spans: Iterable[Span], contents: Mapping[int, str]) -> tuple[WatchRow, ...]:
    """Give the stretches of the receivers of one number, oldest first.

    Takes all their `queue` spans, in any order, and the contents of the profiles that these name.
    """
    until: dict[int, Instant] = {}
    portal_id = number = 0
    for span in spans:
        portal_id, number = span.portal_id, span.subject_id
        until[span.profile] = max(span.last_at, until.get(span.profile, span.last_at))
    stretches = [(stretch_of(contents[each]), end) for each, end in until.items()]
    stretches.sort(key=lambda each: (each[0].since, each[0].receiver, repr(each[0])))
    return tuple(
        WatchRow(
            portal_id,
            number,
            ordinal,
            stretch.receiver,
            stretch.since,
            end,
            stretch.sees,
            stretch.hole_from,
            stretch.cause,
        )
        for ordinal, (stretch, end) in enumerate(stretches, 1)
    )
