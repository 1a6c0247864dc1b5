"""What words a text has for a search, and where they stand."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.search.words import MOST_WORDS, places, words

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("Ёё\u0301\u0308\u00ad½ﷺ 한İß[]/b"),
    )
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("Ещё ёж, ЙОД", ["еще", "еж", "йод"]),
        ("е\u0308ж и\u0306од", ["еж", "йод"]),
        ("за\u0301мок", ["замок"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("co\u00adoperate zero\u200bwidth", ["cooperate", "zerowidth"]),
        ("½ ㎏ ①", ["1", "2", "kg", "1"]),
        ("12.05.2024 rollout_plan e-mail", ["12", "05", "2024", "rollout", "plan", "e", "mail"]),
        ("[USER=7]Ann Lee[/USER] [b]при[/b]вет", ["ann", "lee", "привет"]),
        ("[url=https://hidden.example]shown[/url][disk=5]", ["shown"]),
        ("👍 ✅ … !?", []),
        ("", []),
    ],
)
def test_a_text_has_the_words_that_people_would_type(text: str, said: list[str]) -> None:
    assert words(text) == said


def test_a_word_is_known_by_its_first_64_characters() -> None:
    assert words("x" * 65) == ["x" * 64]


def test_of_a_text_that_goes_on_the_first_words_count() -> None:
    assert len(words("a " * (MOST_WORDS + 1))) == MOST_WORDS


def test_a_word_stands_where_the_text_has_it() -> None:
    text = "Цена: [b]СТО[/b] два\u0301дцать, ½"

    assert [(place.word, text[place.start : place.end]) for place in places(text)] == [
        ("цена", "Цена"),
        ("сто", "СТО"),
        ("двадцать", "два\u0301дцать"),
        ("1", "½"),
        ("2", "½"),
    ]


def test_a_code_within_a_word_is_in_its_place() -> None:
    text = "при[b]вет[/b]"

    assert [text[place.start : place.end] for place in places(text)] == ["при[b]вет"]


@given(TEXTS)
def test_the_words_that_stand_somewhere_are_those_that_there_are(text: str) -> None:
    assert [place.word for place in places(text)] == words(text)


@given(TEXTS)
def test_words_stand_within_the_text_in_order(text: str) -> None:
    found = list(places(text))

    assert all(0 <= place.start < place.end <= len(text) for place in found)
    assert [place.start for place in found] == sorted(place.start for place in found)


@given(TEXTS)
def test_a_word_is_its_own_only_word(text: str) -> None:
    for word in words(text):
        assert words(word) == [word]
        assert word.isalnum()


@pytest.mark.parametrize("piece", ["\u0301\u0323", "a\u0301", "ё", "x", "x ", "ﷺ", "[b]x[/b]"])
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    begun = perf_counter()

    words(text)
    list(places(text))

    assert perf_counter() - begun < 20
