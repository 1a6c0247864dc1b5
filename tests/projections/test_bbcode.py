"""BB codes: where they stand, and what a text says without them."""

from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.bbcode import Part, mentioned, parts, plain, plain_with


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("no code at all", "no code at all"),
        ("[b]bold[/b] and [I]italic[/i]", "bold and italic"),
        ("[b][i]both[/b][/i]", "both"),
        ("[size=20][color=#ff0000]red[/color][/size]", "red"),
        ("[url=https://a.example/?x[]=1]here[/url]", "here"),
        ("[url]https://a.example[/url]", "https://a.example"),
        ("[USER=7 REPLACE]Ann[/USER], [user=all]everyone[/User]", "Ann, everyone"),
        ("[chat=imol|789]Line[/chat] [context=chat1/2]there[/context]", "Line there"),
        ("[send=/help]Help[/send] [put=/ask]Ask[/put] [call=+7]ring[/call]", "Help Ask ring"),
        ("one[br]two#BR#three", "one\ntwo\nthree"),
        ("[icon=https://a.example/i.png title=Big smile size=20]!", "Big smile!"),
        ('[icon=https://a.example/i.png size=20 title="So, so"]', "So, so"),
        ("[icon=https://a.example/i.png]", ""),
        ("[img size=medium]https://a.example/p.jpg [/img]", "https://a.example/p.jpg "),
        ("see [disk=12]", "see "),
        ("at [timestamp=1789370101 format=LONG_DATE]", "at 2026-09-14 07:15:01 UTC"),
        ("at [timestamp=99999999999999999999]", "at "),
        ("[code]a[i] = [b]1[/b][/code] [b]2[/b]", "a[i] = [b]1[/b] 2"),
    ],
)
def test_codes_are_not_in_the_way(text: str, reads: str) -> None:
    assert plain(text) == reads


@pytest.mark.parametrize(
    "text",
    [
        "[1] a footnote",
        "a[i] = 5",
        "[b]never closed",
        "closed only[/b]",
        "[code]never closed",
        "[unknown=1]text[/unknown]",
        "[i think] so[/i]",
        "[url=never ended",
        "[]",
        "#hash",
    ],
)
def test_what_is_no_code_is_text(text: str) -> None:
    assert plain(text) == text


def test_what_stands_in_unclosed_code_still_has_its_codes() -> None:
    assert plain("[code][b]bold[/b]") == "[code]bold"


def test_a_mention_is_one_piece_and_named_as_is_asked() -> None:
    text = "[user=7 REPLACE]A[b]n[/b]n[/user] and [USER=all]all[/USER], [user=9]Bo[/user]"

    assert plain_with(text, lambda mention: f"<{mention.user_id} {mention.written}>") == (
        "<7 Ann> and <None all>, <9 Bo>"
    )
    assert mentioned(text) == {7, 9}


@pytest.mark.parametrize("who", ["", "x", "-1", "²", "9" * 19, "1" * 5000])
def test_who_has_no_number_is_nobody_that_could_be_asked_for(who: str) -> None:
    assert mentioned(f"[user={who}]x[/user]") == set()


def test_a_part_says_where_it_stands_and_what_it_is() -> None:
    assert list(parts("hi [USER=7]Ann[/USER]")) == [
        Part(0, 3, None, closing=False, argument=""),
        Part(3, 11, "user", closing=False, argument="7"),
        Part(11, 14, None, closing=False, argument=""),
        Part(14, 21, "user", closing=True, argument=""),
    ]


@given(st.lists(st.sampled_from(["[b]", "[/b]", "[code]", "[/code]", "[br]", "[", "]", "x"])))
def test_parts_follow_each_other_without_a_gap(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = list(parts(text))

    assert "".join(text[part.start : part.end] for part in found) == text
    assert all(one.end == other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    "piece", ["[", "[url=", "[url=[x]", "[b]", "[/b]", "[code]", "[icon= title=", "[a", "#br"]
)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    begun = perf_counter()

    plain(text)

    assert perf_counter() - begun < 5
