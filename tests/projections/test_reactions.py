"""Intervals of reactions."""

from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Fact
from projections.reactions import ReactionRow, reaction_rows
from tests.projections.factories import fact, moment


def added(
    second: float, sequence: int | None, *, user: int = 8, code: str = "like", by: str = "user:27"
) -> Fact:
    return fact("reaction_added", second, sequence=sequence, user_id=user, code=code, witness=by)


def removed(second: float, sequence: int | None, *, by: str = "user:27") -> Fact:
    return fact("reaction_removed", second, sequence=sequence, user_id=8, code="like", witness=by)


def test_a_reaction_lasts_until_it_is_removed() -> None:
    assert reaction_rows([removed(50, 2), added(10, 1)]) == (
        ReactionRow(1, 5, 8, "like", 1, moment(10), "event", moment(50), "event"),
    )


def test_a_reaction_that_nobody_removed_lasts() -> None:
    assert reaction_rows([added(10, 1)]) == (
        ReactionRow(1, 5, 8, "like", 1, moment(10), "event", None, None),
    )


def test_a_reaction_that_comes_again_is_another_interval() -> None:
    rows = reaction_rows([added(10, 1), removed(20, 2), added(30, 3)])

    assert [(row.ordinal, row.from_at, row.until_at) for row in rows] == [
        (1, moment(10), moment(20)),
        (2, moment(30), None),
    ]


def test_a_removal_alone_ends_what_began_at_an_unknown_time() -> None:
    assert reaction_rows([removed(50, 2)]) == (
        ReactionRow(1, 5, 8, "like", 1, None, "unknown", moment(50), "event"),
    )


def test_two_witnesses_of_one_reaction_tell_of_one() -> None:
    told = [added(10, 1), added(10, 2, by="bot:9"), added(12, None, by="bot:12")]

    assert len(reaction_rows([*told, removed(20, 3), removed(21, None, by="bot:12")])) == 1


def test_users_and_codes_are_told_apart() -> None:
    rows = reaction_rows([added(1, 1, user=9), added(2, 2), added(3, 3, code="fire")])

    assert [(row.user_id, row.code) for row in rows] == [(8, "fire"), (8, "like"), (9, "like")]


def test_other_facts_say_nothing_of_reactions() -> None:
    assert reaction_rows([fact("message_posted", text="A")]) == ()


@given(
    st.lists(
        st.builds(
            fact,
            st.sampled_from(("reaction_added", "reaction_removed")),
            st.integers(0, 5).map(lambda step: step * 50),
            sequence=st.none() | st.integers(1, 9),
            witness=st.sampled_from(("user:27", "bot:9")),
            code=st.sampled_from(("like", "fire")),
        ),
        max_size=8,
    ),
    st.data(),
)
def test_rows_do_not_depend_on_order_or_repetition(facts: list[Fact], data: st.DataObject) -> None:
    again = data.draw(st.permutations(facts + facts[:2]))

    assert reaction_rows(again) == reaction_rows(facts)
