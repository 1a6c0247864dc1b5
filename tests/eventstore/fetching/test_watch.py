"""What is told of a queue's watch claims no more than is known."""

from eventstore.fetching.queue import LAG, RETENTION
from eventstore.fetching.watch import TELLING, Watch

SECOND = 1_000_000
T = 1_789_400_000 * SECOND
FROM = T + SECOND
"""Since when something that begins with an answer at T is sure: what happened within its own second
may have happened before it."""


def watched(watch: Watch, at: int, **changed: object) -> Watch:
    given = {"at": at, "until": at - LAG, "sees": "everything", "cause": "poller_down", **changed}
    return watch.watched(**given)  # type: ignore[arg-type]


FIRST = watched(Watch(), T)


def test_a_watch_begins_behind_the_first_answer_and_knows_nothing_of_before() -> None:
    assert FIRST.event("im.v2.Event.get", "everything") == {
        "type": "CHRONICLEQUEUEWATCHED",
        "date": "2026-09-14T15:33:21.000000Z",
        "data": {
            "method": "im.v2.Event.get",
            "since": "2026-09-14T15:33:21.000000Z",
            "until": "2026-09-14T15:33:21.000000Z",
            "sees": "everything",
            "hole": {"from": None, "cause": "before_subscription"},
        },
    }


def test_it_goes_on_with_every_answer_as_far_as_nothing_can_come_late() -> None:
    later = watched(FIRST, T + 60 * SECOND)

    assert (later.since, later.until) == (FROM, T + 60 * SECOND - LAG)
    assert later.hole_cause == "before_subscription"  # the same stretch, told again
    assert watched(later, T + 40 * SECOND).until == later.until  # a clock that was set back


def test_an_outage_that_the_queue_outlives_is_none() -> None:
    back = watched(FIRST, T + RETENTION - LAG)

    assert (back.since, back.hole_cause) == (FROM, "before_subscription")


def test_a_longer_outage_is_a_hole_from_the_last_answer_to_what_is_still_kept() -> None:
    at = T + 2 * RETENTION

    back = watched(FIRST, at, cause="poll_outage_over_retention")

    assert (back.hole_from, back.hole_cause) == (FROM, "poll_outage_over_retention")
    assert (back.since, back.until) == (at - RETENTION + LAG, at - LAG)
    assert back.due(now=False)


def test_a_queue_that_is_emptied_too_slowly_loses_what_grows_too_old_meanwhile() -> None:
    at = T + RETENTION - 2 * LAG
    behind = watched(FIRST, at, until=T + SECOND)  # a full page: more waits

    later = watched(behind, at + 2 * LAG, until=T + 70 * SECOND)

    assert (later.hole_from, later.since) == (T + SECOND, T + LAG)


def test_what_may_have_been_stolen_is_a_hole_from_the_last_sure_moment() -> None:
    going = watched(FIRST, T + 600 * SECOND)

    broken = going.broken(
        since=T + 650 * SECOND,
        until=T + 700 * SECOND,
        sees="everything",
        cause="foreign_reader",
        seen=T + 500 * SECOND,
    )

    assert (broken.hole_from, broken.hole_cause) == (T + 500 * SECOND, "foreign_reader")
    assert (broken.since, broken.until) == (T + 650 * SECOND, T + 700 * SECOND)
    assert not broken.robbed


def test_where_nothing_is_left_behind_a_theft_the_hole_goes_on() -> None:
    going = watched(FIRST, T + 600 * SECOND)
    known, empty, again = (T + second * SECOND for second in (500, 700, 900))

    broken = going.broken(
        since=empty, until=empty - LAG, sees="everything", cause="foreign_reader", seen=known
    )
    assert broken.robbed
    more = broken.told().begun_again(since=again, sees="everything")

    assert (more.hole_from, more.since, more.until) == (known, again, again)
    assert more.due(now=False)
    assert not watched(more, again + 60 * SECOND).robbed


def test_a_bot_that_sees_more_than_before_begins_anew_without_a_hole() -> None:
    bot = watched(Watch(), T, sees="mentions")

    promoted = watched(bot, T + 60 * SECOND)

    assert (promoted.since, promoted.hole_from, promoted.hole_cause) == (FROM, None, None)
    assert promoted.sees == "everything"


def test_it_is_told_at_first_then_every_ten_minutes_and_when_something_happens() -> None:
    told = FIRST.told()

    assert FIRST.due(now=False)
    assert not told.due(now=True)
    minute = watched(told, T + 60 * SECOND)
    assert (minute.due(now=False), minute.due(now=True)) == (False, True)
    assert watched(told, T + TELLING + LAG).due(now=False)
    assert not Watch().due(now=True)


def test_a_young_watch_is_told_more_often() -> None:
    watch, told = FIRST.told(), []
    for second in range(0, 3_000, 10):
        watch = watched(watch, FROM + second * SECOND + LAG)
        if watch.due(now=False):
            watch = watch.told()
            told.append(second // 60)

    assert told == [1, 2, 4, 8, 16, 26, 36, 46]
