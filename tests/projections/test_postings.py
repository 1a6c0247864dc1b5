"""The short way to the rows of a message that was only posted leads where the long one does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Fact, canonical_json
from projections.messages import MessageRows, message_rows
from projections.postings import only_posted
from projections.reactions import reaction_rows
from projections.readmodels import MESSAGE, fold_message
from projections.search.message_words import words_rows
from tests.projections.factories import fact, moment

WITNESSES = ("user:27", "bot:9", "bot:12", "app")


def posted(second: float = 0, witness: str = "bot:9", **columns: Any) -> Fact:
    return fact("message_posted", second, witness=witness, **{"text": "A", **columns})


mostly_alike = st.builds(
    fact,
    st.sampled_from(("message_posted",) * 9 + ("message_edited", "reaction_added")),
    st.integers(0, 3) | st.just(500),
    position=st.integers(1, 9),
    witness=st.sampled_from(WITNESSES),
    sequence=st.none() | st.integers(0, 3),
    basis=st.sampled_from(("event", "inferred")),
    text=st.sampled_from(("A",) * 9 + ("", "B", None)),
    chat_id=st.sampled_from((7,) * 9 + (8, None)),
    user_id=st.sampled_from((41,) * 9 + (0, None)),
    detail=st.sampled_from((None,) * 9 + (canonical_json({"system": True}),)),
)


@given(st.lists(mostly_alike, min_size=1, max_size=4))
def test_what_the_short_way_finds_is_what_the_long_one_finds(facts: list[Fact]) -> None:
    found = only_posted(facts)

    assert found is None or MessageRows(found[0], found[1:]) == message_rows(facts)


@given(st.lists(mostly_alike, min_size=1, max_size=4))
def test_all_rows_of_a_message_are_those_of_the_long_way(facts: list[Fact]) -> None:
    rows = message_rows(facts)

    assert rows.message is not None
    folded = dict(zip((table.name for table in MESSAGE.tables), fold_message(facts), strict=True))
    assert folded["message"] == [rows.message]
    assert tuple(folded["message_version"]) == rows.versions
    assert folded["message_claim"] == rows.claims
    assert folded["reaction"] == reaction_rows(facts)
    gone = rows.message.state == "deleted"
    assert folded["message_words"] == words_rows(facts, rows.versions, deleted=gone)


@pytest.mark.parametrize("text", ["A", ""])
@pytest.mark.parametrize("witnesses", [WITNESSES[:1], WITNESSES])
def test_postings_that_say_the_same_go_the_short_way(text: str, witnesses: tuple[str, ...]) -> None:
    facts = [
        posted(at, witness, text=text, position=9 - at) for at, witness in enumerate(witnesses)
    ]

    found = only_posted(facts)

    assert found is not None
    assert MessageRows(found[0], found[1:]) == message_rows(facts)
    assert (found[0].first_at, found[0].last_at) == (moment(0), facts[-1].occurred_at)


def test_a_posting_without_text_goes_the_long_way() -> None:
    assert only_posted([posted(text=None)]) is None


@pytest.mark.parametrize(
    "other",
    [
        posted(5, "app", text="B"),
        posted(5, "app", text=None),
        posted(5, "app", chat_id=8),
        posted(5, "app", user_id=3),
        posted(5, "app", detail='{"system":true}'),
        posted(500),  # by the same witness again: the reports have to agree which it is
        fact("message_deleted", 5, witness="app"),
        fact("message_edited", 5, witness="app", text="A"),
    ],
)
def test_whatever_else_is_told_goes_the_long_way(other: Fact) -> None:
    assert only_posted([posted(), other]) is None
    assert only_posted([other, posted()]) is None
