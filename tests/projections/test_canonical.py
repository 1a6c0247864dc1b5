"""When two texts say the same."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.canonical import Seen, canonical, classes, cut

LONG = "word " * 4_000


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("plain", "plain"),
        ("", ""),
        ("  outer \n", "outer"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\rb"),
        ("e\u0301t\u0101", "\u00e9t\u0101"),
        ("[b]bold[/b]", "[b]bold[/b]"),
        ("[USER=571 REPLACE]John[/USER] left", "[USER=571] left"),
        ("[user=ALL]everyone[/User]!", "[USER=all]!"),
        ("[USER=1]a [b]c[/b][/USER] and [USER=2][/USER]", "[USER=1] and [USER=2]"),
        ("[USER=1]never closed", "[USER=1]never closed"),
        ("[USER=1]a[USER=2]b[/USER]", "[USER=1]a[USER=2]"),
    ],
)
def test_a_text_has_one_spelling(text: str, spelled: str) -> None:
    assert canonical(text) == spelled


def test_trap_34_a_mention_is_the_same_whatever_name_stands_in_it() -> None:
    before = "[USER=912]Archivist[/USER], please"
    after = "[user=912]The Archivist[/user], please"

    assert canonical(before) == canonical(after)


@pytest.mark.parametrize("piece", ["[USER=1", "[USER=1]", "[USER=1][", "[USER=", "[", "[USER=1 x"])
def test_no_text_takes_long_to_spell(piece: str) -> None:
    started = perf_counter()

    classes([(piece * 50_000, False), (piece * 50_000 + " (...)", True)])

    assert perf_counter() - started < 20  # measured: 0.1 s; backtracking: for ever


def test_texts_stand_for_themselves() -> None:
    assert classes([(" a", False), ("b", False)]) == {(" a", False): "a", ("b", False): "b"}


def test_trap_33_a_cut_text_equals_the_one_that_begins_like_it() -> None:
    whole = LONG + "and the end"
    shortened = whole[:19_994] + " (...)"

    found = classes([(whole, False), (shortened, False), ("other", False)])

    assert cut(shortened)
    assert found[shortened, False] == found[whole, False] == whole
    assert found["other", False] == "other"


def test_a_cut_text_that_two_texts_begin_like_stands_for_itself() -> None:
    shortened = LONG[:19_994] + " (...)"

    found = classes([(LONG + "a", False), (LONG + "b", False), (shortened, False)])

    assert len(set(found.values())) == 3


def test_texts_cut_at_different_places_are_one_text() -> None:
    # the same text under two display names: the portal counts the names, the comparison does not
    whole = ["[USER=1]Al[/USER] " + LONG, "[USER=1]Albertine[/USER] " + LONG]
    shortened = [text[:19_994] + " (...)" for text in whole]

    assert len(set(classes([(text, False) for text in shortened]).values())) == 1
    assert len(set(classes([(text, False) for text in [*shortened, whole[0]]]).values())) == 1


@pytest.mark.parametrize("kept", range(3, 24))
def test_a_cut_through_a_mention_is_still_a_cut(kept: int) -> None:
    whole = LONG + "[USER=571]Jo Smith[/USER] and so on"
    shortened = whole[: len(LONG) + kept] + " (...)"

    found = classes([(whole, False), (shortened, False)])

    assert found[shortened, False] == found[whole, False]


def test_a_short_text_that_ends_like_a_cut_one_is_not_cut() -> None:
    assert not cut("well (...)")


def test_a_weak_text_equals_the_one_that_differs_by_mentions_alone() -> None:
    strong, weak = "[USER=912]Archivist[/USER], please log", ", please log"

    found = classes([(strong, False), (weak, True), ("else", False)])

    assert found[weak, True] == found[strong, False]


def test_a_weak_text_that_two_could_be_stands_for_itself() -> None:
    found = classes([("[USER=1]A[/USER] hi", False), ("[USER=2]B[/USER] hi", False), (" hi", True)])

    assert found[" hi", True] == "hi"


def test_a_weak_text_alone_stands_for_itself() -> None:
    assert classes([(", hi", True)]) == {(", hi", True): ", hi"}


sent = st.tuples(
    st.sampled_from(
        (
            *("a", "[USER=1]A[/USER] a", "[USER=2]B[/USER] a", " a", ", a"),
            *(LONG + "x", LONG + "y", LONG[:19_994] + " (...)", LONG[:19_950] + " (...)"),
        )
    ),
    st.booleans(),
)


@given(st.lists(sent), st.data())
def test_classes_are_of_the_set(texts: list[Seen], data: st.DataObject) -> None:
    again = data.draw(st.permutations(texts + texts[:2]))

    assert classes(again) == classes(texts)
