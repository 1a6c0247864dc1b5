"""Coverage says what was seen, and never more than that."""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from random import Random
from typing import NamedTuple, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.coverage import (
    LAG,
    SECOND,
    Coverage,
    Evidence,
    Hole,
    Look,
    Move,
    Watched,
    Window,
    coverage,
    seen_by,
)
from projections.intervals import both, covers, gaps, union, without

T = TypeVar("T")

USER, OTHER, BOT = "user:27", "user:28", "bot:9"
MINUTE = 60_000_000
LONG = 10_000 * MINUTE


def at(minute: float) -> int:
    return int(minute * MINUTE)


def soon(minute: float) -> float:
    """A second later."""
    return (at(minute) + SECOND) / MINUTE


def watched(  # noqa: PLR0913 - a stretch has these parts
    since: float,
    until: float,
    receiver: str = USER,
    *,
    hole: float | None = None,
    cause: str = "before_subscription",
    sees: str = "everything",
) -> Watched:
    """A stretch that proves what was there until a minute."""
    before = None if hole is None else at(hole)
    return Watched(receiver, at(since), at(until) + LAG, sees, before, cause)


def seen(*minutes: float, by: str = USER) -> list[tuple[str, int]]:
    return [(by, at(minute)) for minute in minutes]


def moved(by: str = USER, **minute: int) -> Move:
    """What a witness tells of the user's joining or leaving, at a minute."""
    ((action, when),) = minute.items()
    return Move(USER, at(when), action, by)


def said(found: Coverage) -> tuple[object, ...]:
    """Status, the ends of what is covered, and the holes: begin, until and cause, in minutes."""
    holes = [(_minute(hole.begin), _minute(hole.until), hole.cause) for hole in found.holes]
    return (found.status, _minute(found.since), _minute(found.until), *holes)


def _minute(moment: int | None) -> float | None:
    return None if moment is None else moment / MINUTE


BEFORE = (None, 0, "before_subscription")
FIRST = watched(0, 100)
AFTER_A_HOLE = watched(60, 100, hole=30.5, cause="poll_outage_over_retention")
OUTAGE = (30, 60, "poll_outage_over_retention")
CASES = {
    "nothing is known of a chat that nobody's queue told of": (
        Evidence([FIRST]),
        ("unknown", None, None),
    ),
    "nor of one that was never watched": (
        Evidence(sightings=seen(10, 20)),
        ("unknown", None, None),
    ),
    "between two sightings all was seen": (
        Evidence([FIRST], sightings=seen(0, 20)),
        ("partial", 0, 20, BEFORE),
    ),
    "before the first sighting nobody is known to have been there": (
        Evidence([FIRST], sightings=seen(10, 20)),
        ("partial", 10, 20, (None, 10, "before_subscription")),
    ),
    "who joined is there": (
        Evidence([FIRST], [moved(joined=10)], sightings=seen(10, 11)),
        ("partial", soon(10), 11, (None, soon(10), "before_subscription")),
    ),
    "who is in a list of members is there": (
        Evidence([FIRST], [moved(present=50)], sightings=seen(0)),
        ("partial", 0, 50, BEFORE),
    ),
    "the end of a watch covers nothing that shows late": (
        Evidence([watched(0, 50)], sightings=seen(0, 50.4)),
        ("partial", 0, 50, BEFORE),
    ),
    "what is seen behind it proves nothing before it is told of": (
        Evidence([watched(0, 50)], sightings=seen(0, 20, 70)),
        ("partial", 0, 20, BEFORE),
    ),
    "a hole lies between what was seen before and after": (
        Evidence([FIRST, AFTER_A_HOLE], sightings=seen(0, 30, 60, 80)),
        ("partial", 0, 80, BEFORE, OUTAGE),
    ),
    "nobody knows who was there at the edges of a hole": (
        Evidence([FIRST, AFTER_A_HOLE], sightings=seen(0, 20, 70, 80)),
        ("partial", 0, 80, BEFORE, (20, 30, "access_lost"), OUTAGE, (60, 70, "access_lost")),
    ),
    "who leaves has seen all until then, and is gone": (
        Evidence([FIRST], [moved(left=30)], sightings=seen(0, 20)),
        ("partial", 0, 30, BEFORE, (30, None, "access_lost")),
    ),
    "who was missed among the members is gone since they were last seen": (
        Evidence([FIRST], [moved(absent=30)], sightings=seen(0, 20)),
        ("partial", 0, 20, BEFORE, (20, None, "access_lost")),
    ),
    "who was refused likewise": (
        Evidence([FIRST], looks=[Look(USER, at(30), "lost", None)], sightings=seen(0, 20)),
        ("partial", 0, 20, BEFORE, (20, None, "access_lost")),
    ),
    "who joins again was away": (
        Evidence([FIRST], [moved(joined=30)], sightings=seen(0, 20, 40)),
        ("partial", 0, 40, BEFORE, (20, soon(30), "access_lost")),
    ),
    "who left and came back was away": (
        Evidence(
            [FIRST],
            [moved(left=30), moved(joined=50)],
            sightings=seen(0, 20, 31, 60),
        ),
        ("partial", 0, 60, BEFORE, (30, soon(50), "access_lost")),
    ),
    "two witnesses tell of one joining": (
        Evidence(
            [FIRST],
            [moved(joined=10), moved(by=OTHER, joined=11)],
            sightings=seen(10.5, 20),
        ),
        ("partial", soon(10), 20, (None, soon(10), "before_subscription")),
    ),
    "who tells of two joinings was away between them": (
        Evidence([FIRST], [moved(joined=10), moved(joined=11)], sightings=seen(10.5, 20)),
        (
            "partial",
            soon(10),
            20,
            (None, soon(10), "before_subscription"),
            (10.5, soon(11), "access_lost"),
        ),
    ),
    "who sees mentions only has seen nothing for sure": (
        Evidence([watched(0, 100, BOT, sees="mentions")], sightings=seen(0, 20, by=BOT)),
        ("unknown", None, None, BEFORE, (0, 100, "receiver_sees_mentions_only")),
    ),
    "but all of its own dialogs": (
        Evidence(
            [watched(0, 100, BOT, sees="mentions")], sightings=seen(0, 20, by=BOT), private=True
        ),
        ("partial", 0, 20, BEFORE),
    ),
    "another one fills a hole": (
        Evidence(
            [FIRST, AFTER_A_HOLE, watched(10, 90, OTHER)],
            sightings=[*seen(0, 30, 60, 80), *seen(20, 70, by=OTHER)],
        ),
        ("partial", 0, 80, BEFORE),
    ),
    "who has nothing to do with the chat explains nothing": (
        Evidence([FIRST, watched(0, 100, OTHER, cause="foreign_reader")], sightings=seen(0, 9)),
        ("partial", 0, 9, BEFORE),
    ),
    "between two stretches nobody watched": (
        Evidence(
            [FIRST._replace(until=at(50) + LAG), watched(60, 100)._replace(cause=None)],
            sightings=seen(0, 49, 60, 80),
        ),
        ("partial", 0, 80, BEFORE, (49, 50, "access_lost"), (50, 60, "poller_down")),
    ),
}


@pytest.mark.parametrize(("evidence", "expected"), CASES.values(), ids=CASES)
def test_a_chat_as_far_as_it_was_seen(evidence: Evidence, expected: tuple[object, ...]) -> None:
    assert said(coverage(evidence)) == expected


ALL = Evidence([FIRST, AFTER_A_HOLE], sightings=seen(0, 30, 60, 80))
WINDOWS = {
    "from behind the hole it is complete": (Window(at(60)), ("complete", 60, 80)),
    "from within it is not": (
        Window(at(40)),
        ("partial", 60, 80, (40, 60, "poll_outage_over_retention")),
    ),
    "an earlier end leaves out what came later": (Window(at(0), at(20)), ("complete", 0, 20)),
    "a moment is covered": (Window(at(20), at(20)), ("complete", 20, 20)),
    "what is not reached yet is unknown": (Window(at(120)), ("unknown", None, None)),
    "what the queues had passed by without it was lost": (
        Window(at(60), lived=at(90)),
        ("partial", 60, 80, (80, 90, "access_lost")),
    ),
    "unless another clock is a little ahead": (
        Window(at(60), lived=at(81)),
        ("complete", 60, 80),
    ),
    "not where a hole is known to be": (
        Window(at(10), lived=at(31)),
        ("partial", 10, 80, OUTAGE),
    ),
    "unless the queues are not there yet": (
        Window(at(60), lived=at(200)),
        ("partial", 60, 80, (80, 100, "access_lost")),
    ),
}


@pytest.mark.parametrize(("window", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_of_a_chat(window: Window, expected: tuple[object, ...]) -> None:
    assert said(coverage(ALL, window)) == expected


def test_what_is_shown_from_within_a_hole_says_so() -> None:
    until_the_hole = ALL._replace(sightings=seen(0, 30))

    found = coverage(until_the_hole, Window(at(0), lived=at(31)))

    assert said(found) == ("partial", 0, 30, (30, 31, "poll_outage_over_retention"))


@pytest.mark.parametrize(
    ("look", "repaired"),
    [
        (Look(USER, at(61), "read", None), True),
        (Look(OTHER, at(60), "read", at(30)), True),
        (Look(USER, at(61), "read", at(31)), False),
        (Look(USER, at(59), "read", None), False),
        (Look(USER, at(61), "limited", None), False),
    ],
)
def test_a_hole_is_repaired_by_who_read_all_of_it_afterwards(look: Look, *, repaired: bool) -> None:
    found = coverage(ALL._replace(looks=[look]), Window(at(0)))

    outage = Hole(at(30), at(60), "poll_outage_over_retention", USER, repaired)
    assert (found.status, found.holes) == ("partial", (outage,))


def test_what_was_read_and_never_watched_is_partial() -> None:
    looks = [Look(BOT, at(99.5), "read", None), Look(BOT, at(100.5), "read", None)]
    glanced = Evidence([watched(0, 100, BOT, sees="mentions")], looks=looks)

    found = coverage(glanced)

    assert (found.status, {hole.repaired for hole in found.holes}) == ("partial", {True})
    assert coverage(glanced, Window(at(0), at(100))).status == "unknown"


def test_a_bot_knows_nothing_of_reactions() -> None:
    both_there = Evidence(
        [watched(0, 100, BOT), watched(0, 50)],
        sightings=[*seen(0, 80, by=BOT), *seen(0, 40)],
    )

    assert coverage(both_there, Window(at(0))).reactions == "partial"
    assert coverage(both_there, Window(at(0), at(40))).reactions == "complete"
    assert coverage(both_there, Window(at(60))).reactions == "unknown"


class Life(NamedTuple):
    """What truly happened, a minute each, and what of it came to us."""

    evidence: Evidence
    happened: list[int]
    had: set[int]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A chat in which something happens now and then; its receivers come, go and miss things."""
    happened = sorted(draw(st.sets(st.integers(1, 60), min_size=1)))
    watches: list[Watched] = []
    moves: list[Move] = []
    sightings: list[tuple[str, int]] = []
    had: set[int] = set()
    for receiver in (USER, OTHER, BOT)[: draw(st.integers(1, 3))]:
        stretches = sorted(draw(st.sets(st.integers(1, 60), min_size=2, max_size=6)))
        before: int | None = None
        polled = []
        for since, until in zip(stretches[::2], stretches[1::2], strict=False):
            # what it told before its hole may reach into that
            told = draw(st.integers(until, 60))
            watches.append(
                Watched(receiver, at(since), at(told), "everything", before, "poller_down")
            )
            polled.append((at(since), at(until)))
            before = at(until)
        # the hole after the last one is told of by a stretch that ends where it begins
        watches.append(
            Watched(receiver, at(61), at(61), "everything", before, "poll_outage_over_retention")
        )
        # of the latest holes nothing may have been told yet, nor then more than was so
        untold = draw(st.integers(0, len(polled)))
        if untold:
            del watches[-untold:]
            watches[-1] = watches[-1]._replace(until=polled[-untold][1])
        there = draw(st.booleans())
        for minute in range(61):
            if minute in happened and there and covers(polled, (at(minute), at(minute))):
                sightings.append((receiver, at(minute)))
                had.add(minute)
            if draw(st.integers(0, 9)) == 0:
                there = not there
                later = at(minute) + MINUTE // 2
                if there and covers(polled, (later, later)):
                    moves.append(Move(receiver, later, "joined", receiver))
                    sightings.append((receiver, later))
                elif not there and draw(st.booleans()):
                    action = draw(st.sampled_from(("left", "absent")))
                    moves.append(Move(receiver, later, action, OTHER))
    return Life(Evidence(watches, moves, (), sightings), [at(each) for each in happened], had)


@given(lives())
def test_whatever_happens_where_all_is_covered_was_seen(life: Life) -> None:
    covered = union(part for each in seen_by(life.evidence) for part in each.covered)

    missed = [moment for moment in life.happened if moment // MINUTE not in life.had]
    assert [moment for moment in missed if covers(covered, (moment, moment))] == []
    for moment in missed:
        assert coverage(life.evidence, Window(moment, moment)).status != "complete"


@given(lives(), st.randoms(use_true_random=False))
def test_order_and_repetition_of_the_evidence_do_not_matter(life: Life, random: Random) -> None:
    def mixed(each: Collection[T]) -> list[T]:
        again = [*each, *[*each][:3]]
        random.shuffle(again)
        return again

    watches, moves, looks, sightings, private = life.evidence
    other = Evidence(mixed(watches), mixed(moves), looks, mixed(sightings), private)

    assert coverage(other) == coverage(life.evidence)


@given(lives())
def test_the_sightings_next_to_what_matters_are_enough(life: Life) -> None:
    assert coverage(life.evidence._replace(sightings=[*_nearest(life.evidence)])) == coverage(
        life.evidence
    )


def _nearest(evidence: Evidence) -> Iterator[tuple[str, int]]:
    for receiver in {receiver for receiver, _ in evidence.sightings}:
        moments = sorted(at for by, at in evidence.sightings if by == receiver)
        edges = [each.at for each in evidence.moves if each.receiver == receiver]
        edges += [edge + 120_000_001 for edge in edges]
        for each in evidence.watched:
            edges += [each.since, each.until]
            edges += [] if each.hole_from is None else [each.hole_from]
        for edge in (*edges, LONG):
            place = bisect_left(moments, edge)
            yield from ((receiver, moment) for moment in moments[max(place - 1, 0) : place + 1])


moments = st.integers(0, 30)
intervals = st.lists(st.tuples(moments, moments), max_size=5)


@given(intervals, intervals, moments, moments)
def test_intervals_are_what_a_set_of_moments_would_be(
    some: list[tuple[int, int]], others: list[tuple[int, int]], begin: int, end: int
) -> None:
    one, other = union(some), union(others)

    def points(parts: list[tuple[int, int]]) -> set[int]:
        # half moments too, or a gap between neighbours could not be seen
        return {each for since, until in parts for each in range(2 * since, 2 * until + 1)}

    assert points(one) == points(some)
    assert points(both(one, other)) == points(one) & points(other)
    inside = set(range(2 * begin + 1, 2 * end))
    assert points(without(one, begin, end)) == points(one) - inside
    between = {
        each for since, until in gaps(one, begin, end) for each in range(2 * since, 2 * until + 1)
    }
    assert between & inside - points(one) == inside - points(one)
    assert not any(covers(one, gap) for gap in gaps(one, begin, end))
