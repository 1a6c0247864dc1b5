"""A diff tells exactly what went and what came, word by word, in bounded time."""

from itertools import pairwise
from time import process_time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import words
from projections.words import Part, diff

phrases = st.lists(st.sampled_from(["one", "two", " ", "  ", "\n", ".", ",", "ё", "ё", "[b]"])).map(
    "".join
)
texts = phrases | st.text()


def joined(parts: list[Part], *ops: str) -> str:
    return "".join(part.text for part in parts if part.op in ops)


@given(texts, texts)
def test_the_parts_make_both_texts(old: str, new: str) -> None:
    parts = diff(old, new)

    assert joined(parts, "equal", "delete") == old
    assert joined(parts, "equal", "insert") == new
    assert all(part.text for part in parts)


@given(phrases, phrases)
def test_no_part_follows_one_that_it_could_be_joined_with(old: str, new: str) -> None:
    ops = [part.op for part in diff(old, new)]

    pairs = set(pairwise(ops))
    assert pairs <= {
        ("equal", "delete"),
        ("equal", "insert"),
        ("delete", "insert"),
        ("delete", "equal"),
        ("insert", "equal"),
    }


@given(texts)
def test_a_text_is_equal_to_itself(text: str) -> None:
    assert diff(text, text) == ([Part("equal", text)] if text else [])


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            "The price is 120, as agreed.",
            "The price is 150, as agreed.",
            [
                ("equal", "The price is "),
                ("delete", "120"),
                ("insert", "150"),
                ("equal", ", as agreed."),
            ],
        ),
        ("", "new", [("insert", "new")]),
        ("gone", "", [("delete", "gone")]),
        (
            "call me at nine",
            "write him at nine",
            [("delete", "call me"), ("insert", "write him"), ("equal", " at nine")],
        ),
        ("цена сто", "цена двести", [("equal", "цена "), ("delete", "сто"), ("insert", "двести")]),
    ],
)
def test_words_are_compared_and_not_letters(
    old: str, new: str, parts: list[tuple[str, str]]
) -> None:
    assert diff(old, new) == parts


def test_what_looks_equal_but_is_spelled_otherwise_is_a_change() -> None:
    composed, parted = normalize("NFC", "й"), normalize("NFD", "й")

    assert diff(composed, parted) == [("delete", composed), ("insert", parted)]


def test_texts_of_too_many_words_are_changed_as_a_whole_but_for_their_ends() -> None:
    old = "begin " + "a " * 200_000 + "end"
    new = "begin " + "b " * 200_000 + "end"

    started = process_time()
    parts = diff(old, new)

    assert [part.op for part in parts] == ["equal", "delete", "insert", "equal"]
    assert joined(parts, "equal", "delete") == old
    assert joined(parts, "equal", "insert") == new
    assert process_time() - started < 5


def test_the_longest_texts_of_a_portal_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    old = " ".join(f"{number % 97:03}" for number in range(5_000))
    new = " ".join(f"{number % 89:03}" for number in range(5_000))

    compared = diff(old, new)

    assert "equal" in {part.op for part in compared[1:-1]}
    monkeypatch.setattr(words, "_MOST", 0)
    assert len(diff(old, new)) < len(compared)
