"""Intervals of membership."""

from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Fact
from projections.members import MemberRow, member_rows
from projections.spans import DAY, Span
from tests.projections.factories import fact, moment


def joined(second: float, sequence: int | None = 1, *, by: str = "user:27") -> Fact:
    return fact("member_joined", second, sequence=sequence, witness=by)


def left(second: float, sequence: int | None = 2, *, by: str = "user:27") -> Fact:
    return fact("member_left", second, sequence=sequence, witness=by)


def present(first: float, last: float | None = None) -> Span:
    start, end = moment(first), moment(first if last is None else last)
    return Span(1, "presence", 7, 41, 0, start // DAY, start, end, 1, 1)


def test_a_member_stays_until_they_leave() -> None:
    assert member_rows([left(900), joined(10)], []) == (
        MemberRow(1, 7, 41, 1, moment(10), "event", moment(10), moment(900), None, "event"),
    )


def test_silence_is_not_leaving() -> None:
    assert member_rows([joined(10)], [present(20)]) == (
        MemberRow(1, 7, 41, 1, moment(10), "event", moment(10), None, None, None),
    )


def test_who_is_a_member_already_does_not_join_again() -> None:
    rows = member_rows([joined(10, 1), joined(900, 2, by="bot:9")], [])

    assert [(row.joined_at, row.left_at) for row in rows] == [(moment(10), None)]


def test_who_left_and_joined_again_has_two_intervals() -> None:
    rows = member_rows([joined(10, 1), left(500, 2), joined(900, 3)], [])

    assert [(row.ordinal, row.joined_at, row.first_seen_at, row.left_at) for row in rows] == [
        (1, moment(10), moment(10), moment(500)),
        (2, moment(900), moment(900), None),
    ]


def test_who_was_only_seen_joined_at_an_unknown_time() -> None:
    assert member_rows([], [present(300), present(40, 50)]) == (
        MemberRow(1, 7, 41, 1, None, "unknown", moment(40), None, None, None),
    )


def test_who_was_seen_before_they_joined_was_seen_before_and_joined_as_witnessed() -> None:
    (row,) = member_rows([joined(900)], [present(40)])

    assert (row.joined_at, row.joined_basis, row.first_seen_at) == (
        moment(900),
        "event",
        moment(40),
    )


def test_a_leave_alone_ends_what_began_at_an_unknown_time() -> None:
    assert member_rows([left(900)], []) == (
        MemberRow(1, 7, 41, 1, None, "unknown", moment(900), moment(900), None, "event"),
    )
    assert member_rows([left(900)], [present(30)])[0].first_seen_at == moment(30)


def test_who_acts_after_having_left_is_there_again() -> None:
    rows = member_rows([joined(10, 1), left(500, 2)], [present(20, 620.1)])

    assert [(row.joined_at, row.joined_basis, row.first_seen_at) for row in rows] == [
        (moment(10), "event", moment(10)),
        (None, "unknown", moment(620.1)),
    ]


def test_to_act_within_the_window_after_having_left_is_no_return() -> None:
    assert len(member_rows([joined(10, 1), left(500, 2)], [present(20, 620)])) == 1


def test_to_act_just_before_joining_again_is_the_skew_of_a_clock() -> None:
    told = [joined(10, 1), left(500, 2), joined(9_000, 3)]

    assert member_rows(told, [present(8_900)])[1].joined_at == moment(9_000)
    assert member_rows(told, [present(8_000)])[1].first_seen_at == moment(8_000)
    assert member_rows(told, [present(8_000)])[1].joined_at is None


def test_a_time_that_was_concluded_says_so() -> None:
    (row,) = member_rows([joined(10)._replace(basis="inferred"), left(20)], [])

    assert (row.joined_basis, row.left_basis) == ("inferred", "event")


def test_nothing_known_is_no_row() -> None:
    assert member_rows([], []) == ()


@given(
    st.lists(
        st.builds(
            fact,
            st.sampled_from(("member_joined", "member_left")),
            st.integers(0, 9).map(lambda step: step * 70),
            sequence=st.none() | st.integers(1, 9),
            witness=st.sampled_from(("user:27", "bot:9")),
        ),
        max_size=6,
    ),
    st.lists(st.builds(present, st.integers(0, 900)), max_size=4),
    st.data(),
)
def test_rows_do_not_depend_on_order_or_repetition(
    facts: list[Fact], presence: list[Span], data: st.DataObject
) -> None:
    rows = member_rows(facts, presence)

    again = data.draw(st.permutations(facts + facts[:2]))
    seen = data.draw(st.permutations(presence + presence[:1]))

    assert member_rows(again, seen) == rows
    assert all(before.left_at is not None for before in rows[:-1])
