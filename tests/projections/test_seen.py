"""What an export says of how well its portal was seen."""

from projections.coverage import LAG, Watched
from projections.export.seen import coverage_said
from projections.export.wanted import Wanted
from tests.projections.factories import moment

WATCHED = (
    Watched("user:27", moment(0), moment(600), "everything", None, "before_subscription"),
    Watched("user:27", moment(900), moment(2_000), "everything", moment(600), "poller_down"),
)
ALL = Wanted(portal="acme", format="parquet", tables=("messages",))


def test_the_holes_between_watches_are_told() -> None:
    said = coverage_said(WATCHED, ALL)

    assert said is not None
    assert (said.status, said.since, said.until) == ("partial", moment(0), moment(2_000) - LAG)
    assert [(hole.since, hole.until, hole.cause) for hole in said.holes] == [
        (None, moment(0), "before_subscription"),
        (moment(600) - LAG, moment(900), "poller_down"),
    ]


def test_as_of_a_moment_it_ends_there() -> None:
    said = coverage_said(WATCHED, ALL.model_copy(update={"as_of": moment(300)}))

    assert said is not None
    assert said.until == moment(300)
    assert [hole.cause for hole in said.holes] == ["before_subscription"]


def test_where_no_queue_was_watched_nothing_is_known() -> None:
    said = coverage_said((), ALL)

    assert said is not None
    assert (said.status, said.since, said.holes) == ("unknown", None, ())


def test_of_some_chats_alone_the_queues_of_a_portal_say_nothing() -> None:
    assert coverage_said(WATCHED, ALL.model_copy(update={"chats": (7,)})) is None
