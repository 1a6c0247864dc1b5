"""What a search asks for, and where a text says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.search.terms import MOST_HIGHLIGHTS, Term, highlights, says, terms_of
from projections.search.words import words


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("price", [Term(("price",))]),
        ("Price PRICE price", [Term(("price",))]),
        ("price of", [Term(("price",)), Term(("of",))]),
        ('"the price of"', [Term(("the", "price", "of"))]),
        ("pri*", [Term(("pri",), prefix=True)]),
        ("pri** *", [Term(("pri",), prefix=True)]),
        ("e-mail", [Term(("e", "mail"))]),
        ("12.05*", [Term(("12", "05"), prefix=True)]),
        ("c++*", [Term(("c",))]),
        ('"pri*"', [Term(("pri",))]),
        ('"never closed', [Term(("never",)), Term(("closed",))]),
        ('one"two"three', [Term(("one",)), Term(("two",)), Term(("three",))]),
        ("Ёжик", [Term(("ежик",))]),
        ("[b]", [Term(("b",))]),
        (
            "a OR b NOT c NEAR(d)",
            [Term((word,)) for word in ["a", "or", "b", "not", "c"]] + [Term(("near", "d"))],
        ),
        ("' OR 1=1 --", [Term(("or",)), Term(("1", "1"))]),
        ("% _ \\ & | ! :* ()", []),
        ("👍", []),
        ("", []),
    ],
)
def test_a_query_is_words_phrases_and_beginnings(query: str, terms: list[Term]) -> None:
    assert terms_of(query) == tuple(terms)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("ёлка", "Новая ЕЛКА"),
        ("price 120", "120 is the price"),
        ('"price of 120"', "the [b]price[/b] of 120."),
        ("pri*", "our principles"),
        ('rol* "to prod"', "rollout to prod"),
        ("rollout-plan", "the rollout plan"),
    ],
)
def test_a_text_says_what_is_asked_for(query: str, text: str) -> None:
    assert says(words(text), terms_of(query))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("pri", "principles"),
        ('"price 120"', "price of 120"),
        ("йод", "иод"),
        ("a b", "a c"),
        ('"b a"', "a b"),
        ("rice", "price"),
    ],
)
def test_a_text_does_not_say_what_is_only_like_it(query: str, text: str) -> None:
    assert not says(words(text), terms_of(query))


def test_what_was_found_is_shown_where_it_stands() -> None:
    text = "Price list: the [b]PRICE[/b] of principle"

    found = highlights(text, terms_of('"price of" pri*'))

    assert [text[start:end] for start, end in found] == [
        "Price",
        "PRICE",
        "PRICE[/b] of",
        "principle",
    ]


def test_no_more_places_are_shown_than_anybody_reads() -> None:
    assert len(highlights("x " * 1_000, terms_of("x"))) == MOST_HIGHLIGHTS


@given(st.text('ab -*"ё'), st.text('abё "[]/*'))
def test_whatever_is_found_has_a_place(query: str, text: str) -> None:
    terms = terms_of(query)

    if terms and says(words(text), terms):
        assert highlights(text, terms)
