"""Watches: a stretch is one row, however often it is told of, in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore.event import NewEvent
from eventstore.log import seal
from projections.derive import derive
from projections.facts import Fact
from projections.spans import DAY, Span, gather, merge
from projections.watch import WatchRow, watch_rows
from tests.projections.own_events import BEGIN, MINUTE, watched

HOUR = 60 * MINUTE
TOLD = [
    watched(BEGIN, BEGIN + HOUR, hole=(None, "before_subscription")),
    watched(BEGIN, BEGIN + 2 * DAY, hole=(None, "before_subscription")),
    watched(BEGIN + 5 * DAY, BEGIN + 6 * DAY, hole=(BEGIN + 3 * DAY, "poller_down")),
    watched(BEGIN, BEGIN + HOUR, "bot:58", sees="mentions"),
]
ROWS = (
    WatchRow(1, 58, 1, "bot:58", BEGIN, BEGIN + HOUR, "mentions", None, None),
    WatchRow(
        1, 58, 2, "user:58", BEGIN, BEGIN + 2 * DAY, "everything", None, "before_subscription"
    ),
    WatchRow(
        1,
        58,
        3,
        "user:58",
        BEGIN + 5 * DAY,
        BEGIN + 6 * DAY,
        "everything",
        BEGIN + 3 * DAY,
        "poller_down",
    ),
)


@given(st.permutations(TOLD), st.integers(0, len(TOLD)))
def test_a_stretch_is_one_row_with_its_latest_end(told: list[NewEvent], cut: int) -> None:
    derived = derive(seal(1, number, event, b"") for number, event in enumerate(told, 1))
    contents = {row.id: row.content for row in derived.profiles}
    subjects = {row.id: 0 for row in derived.profiles}

    def spans(facts: list[Fact]) -> list[Span]:
        return [*gather(facts, subjects).values()]

    by_parts = merge([*spans(derived.facts[:cut]), *spans(derived.facts[cut:])])
    seen = [span for span in by_parts.values() if span.subject == "queue"]
    assert watch_rows(seen, contents) == ROWS


def test_nothing_is_watched_where_nothing_was_told() -> None:
    assert watch_rows([], {}) == ()
