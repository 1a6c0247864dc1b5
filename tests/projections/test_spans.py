"""What facts let us see, a day each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Fact, Kind, profile
from projections.spans import DAY, Span, gather, merge
from tests.projections.factories import START, fact, moment

TODAY = START // DAY
BOT = profile("user", 9, ("kind", "bot")).id
PRIYA = profile("user", 41, ("name", "Priya Nair")).id


def seen(facts: list[Fact]) -> list[tuple[str, int, int, int]]:
    """Subject, its id, the user and the profile of what facts let us see."""
    return [key[1:5] for key in gather(facts, {PRIYA: 41})]


def test_a_posting_shows_its_chat_its_author_its_bot_and_who_was_there() -> None:
    posted = fact(
        "message_posted", chat_profile=66, user_profile=PRIYA, witness="bot:9", position=3
    )

    spans = [*gather([posted], {PRIYA: 41}).values()]

    assert spans == [
        Span(1, "chat", 7, 0, 66, TODAY, START, START, 3, 3),
        Span(1, "presence", 7, 41, 0, TODAY, START, START, 3, 3),
        Span(1, "user", 41, 0, PRIYA, TODAY, START, START, 3, 3),
        Span(1, "user", 9, 0, BOT, TODAY, START, START, 3, 3),
    ]


def test_a_user_profile_is_about_whom_it_names() -> None:
    joined = fact("member_joined", user_id=9, user_profile=PRIYA, witness="app")

    assert seen([joined]) == [("user", 41, 0, PRIYA)]


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("message_posted", True),
        ("message_edited", False),
        ("reaction_added", True),
        ("reaction_removed", True),
        ("command_called", True),
        ("message_deleted", False),
        ("member_joined", False),
        ("member_left", False),
        ("context_opened", False),
    ],
)
def test_to_have_acted_in_a_chat_is_presence(kind: Kind, there: bool) -> None:  # noqa: FBT001
    assert bool(seen([fact(kind, witness="app")])) is there


@pytest.mark.parametrize("columns", [{"user_id": 0}, {"user_id": None}, {"chat_id": None}])
def test_nobody_nowhere_is_present(columns: dict[str, Any]) -> None:
    assert seen([fact("message_posted", witness="app", **columns)]) == []


@pytest.mark.parametrize("witness", ["app", "user:27", "bot:", "bot:x", "bot:0", f"bot:{2**63}"])
def test_only_a_bot_shows_itself(witness: str) -> None:
    assert seen([fact("message_deleted", witness=witness)]) == []


def test_days_are_kept_apart() -> None:
    days = gather([fact("message_posted", n * 86_400, witness="app") for n in range(3)], {})

    assert [span.day for span in days.values()] == [TODAY, TODAY + 1, TODAY + 2]


def test_a_span_is_from_the_first_to_the_last_of_its_day() -> None:
    facts = [
        fact("message_posted", 20, witness="app", position=5),
        fact("message_posted", 10, witness="app", position=9),
        fact("message_posted", 30, witness="app", position=2),
    ]

    (span,) = gather(facts, {}).values()

    assert span[6:] == (moment(10), moment(30), 2, 9)


@given(
    st.lists(
        st.builds(
            fact,
            st.just("message_posted"),
            st.integers(-100_000, 100_000),
            position=st.integers(1, 99),
            chat_id=st.integers(7, 8),
            chat_profile=st.none() | st.integers(1, 2),
            witness=st.sampled_from(("app", "bot:9")),
        )
    ),
    st.data(),
)
def test_spans_do_not_depend_on_order_repetition_or_batches(
    facts: list[Fact], data: st.DataObject
) -> None:
    at_once = gather(facts, {})

    one_by_one = [span for fact in facts for span in gather([fact], {}).values()]
    again = data.draw(st.permutations(one_by_one + one_by_one[:3]))

    assert merge(again) == at_once
    assert merge([*at_once.values(), *again]) == at_once
