"""PHP bracket keys: what they spell, and what they must not do to us."""

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import TooLarge, UnreadableBody
from eventstore.form import parse_form
from tests import samples

KEYED_BY_ID = {"BOT", "COMMAND", "MENTIONED_LIST", "BOT_IN_CHAT", "FILES"}

REASON = re.compile(
    r"(more than 10000 fields|not UTF-8 at byte \d+"
    r"|(not UTF-8|a second, other value|a map where there is a value|more than 32 keys deep)"
    r" in the field at byte \d+)"
)
"""All that an error may say: nothing is quoted."""

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1)
keys = words | st.sampled_from(["0", "1", "2", "01", *sorted(KEYED_BY_ID)])
values = st.text(st.characters(exclude_categories=["Cs"]))
trees = st.dictionaries(
    keys,
    st.recursive(
        values,
        lambda below: (
            st.lists(below, min_size=1, max_size=4)
            | st.dictionaries(keys, below, min_size=1, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=6,
)


def php(tree: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a tree as PHP's http_build_query does."""
    if isinstance(tree, str):
        yield name, tree
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from php(value, f"{name}[{key}]" if name else str(key))


def encoded(tree: Any, *, safe: str = "") -> bytes:
    fields = (f"{quote_plus(key, safe=safe)}={quote_plus(value)}" for key, value in php(tree))
    return "&".join(fields).encode()


def as_read(tree: Any, key: str = "", *, root: bool = True) -> Any:
    """What must come out: a list is what is numbered from zero, unless its name forbids."""
    if isinstance(tree, str):
        return tree
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    read = {str(name): as_read(value, str(name), root=False) for name, value in pairs}
    numbered = list(read) == [str(index) for index in range(len(read))]
    return list(read.values()) if numbered and not root and key not in KEYED_BY_ID else read


@pytest.mark.parametrize("name", [name for name in samples.FORMS if samples.view(name)])
def test_every_sample_form_says_what_its_json_says(name: str) -> None:
    assert parse_form(samples.sample(name)) == samples.view(name)


def test_a_form_without_its_nulls_is_read_too() -> None:
    dropped = parse_form(samples.sample("imbot_v2/onimbotv2messageadd_nulls_dropped.webhook.form"))
    whole = samples.tree("imbot_v2/onimbotv2messageadd.webhook.json")

    assert dropped["data"]["message"]["text"] == whole["data"]["message"]["text"]
    assert "forward" not in dropped["data"]["message"]


@given(trees)
def test_what_php_spells_is_read_back(tree: dict[str, Any]) -> None:
    assert parse_form(encoded(tree)) == as_read(tree)
    assert parse_form(encoded(tree, safe="[]")) == as_read(tree)


@given(st.binary(max_size=200) | st.text("a[]=&%+05BbDd", max_size=60).map(str.encode))
def test_any_bytes_are_a_tree_or_unreadable(body: bytes) -> None:
    try:
        tree = parse_form(body)
    except UnreadableBody as error:
        assert REASON.fullmatch(str(error))
    else:
        assert isinstance(tree, dict)


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"", {}),
        (b"&&a=1&", {"a": "1"}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"=a", {"": "a"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
        (b"a[][x]=1&a[][x]=2", {"a": [{"x": "1"}, {"x": "2"}]}),
        (b"a[1]=x&a[]=y&a[]=z", {"a": {"1": "x", "0": "y", "2": "z"}}),
        (b"a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        (b"a[1]=y&a[0]=x", {"a": {"1": "y", "0": "x"}}),
        (b"a[00]=x", {"a": {"00": "x"}}),
        (b"a[0][0]=x", {"a": [["x"]]}),
        (b"0=x", {"0": "x"}),
        (b"a[ b ]=1", {"a": {" b ": "1"}}),
        (b"%C3%A9[%E2%82%AC]=\xe2\x82\xac", {"é": {"€": "€"}}),
        (b"a=%zz%4", {"a": "%zz%4"}),
        (b"a=x%41%4G&b=%414", {"a": "xA%4G", "b": "A4"}),
        (b"a=%00", {"a": "\0"}),
        (b"a=1&a=1", {"a": "1"}),
    ],
)
def test_corner_cases_have_one_reading(body: bytes, tree: dict[str, Any]) -> None:
    assert parse_form(body) == tree


@pytest.mark.parametrize("name", ["a[", "a]", "a[b", "[a]", "[]", "a[b]c", "a[b[c]]", "a]b[c]"])
def test_a_name_whose_brackets_do_not_match_is_a_key_as_it_stands(name: str) -> None:
    assert parse_form(f"{name}=1".encode()) == {name: "1"}


def test_trap_20_a_map_by_id_never_becomes_a_list() -> None:
    for name in KEYED_BY_ID:
        assert parse_form(f"data[{name}][0][ID]=7".encode()) == {"data": {name: {"0": {"ID": "7"}}}}

    assert parse_form(b"data[BOT][912][ID]=7") == {"data": {"BOT": {"912": {"ID": "7"}}}}
    assert parse_form(b"departments[0]=1&departments[1]=4") == {"departments": ["1", "4"]}


def test_trap_22_values_are_decoded_exactly_once() -> None:
    assert parse_form(b"a=1+%2B+1&b=%2541&c=%26%3D&d=%F0%9F%8E%89") == {
        "a": "1 + 1",
        "b": "%41",
        "c": "&=",
        "d": "🎉",
    }


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=1&a[b]=2", b"a[b]=2&a=1", b"a[]=1&a[0]=2", b"a[b]=1&a[b][c]=2"]
)
def test_trap_22_fields_that_contradict_each_other_are_refused(body: bytes) -> None:
    second = body.index(b"&") + 1

    with pytest.raises(UnreadableBody, match=rf" in the field at byte {second}$"):
        parse_form(body)


@pytest.mark.parametrize(
    ("body", "offset"),
    [(b"abc=\xff", 4), (b"\xc3\xa9=1&a=%FF", 5), (b"%ED%A0%80=1", 0), (b"a=1&b[%C3]=", 4)],
)
def test_bad_utf_8_is_refused_with_its_place_and_nothing_else(body: bytes, offset: int) -> None:
    with pytest.raises(UnreadableBody, match=rf"^not UTF-8 (in the field )?at byte {offset}$"):
        parse_form(body)


def test_the_bounds_are_where_they_are_said_to_be() -> None:
    assert parse_form(b"a=1&b=2", max_fields=2, max_depth=1) == {"a": "1", "b": "2"}
    with pytest.raises(TooLarge):
        parse_form(b"a=1&b=2", max_fields=1)
    assert parse_form(b"a[b]=1", max_depth=2) == {"a": {"b": "1"}}
    with pytest.raises(TooLarge):
        parse_form(b"a[b]=1", max_depth=1)


TEN_MEGABYTES = 10_000_000

BOMBS = {
    "bracket keys": b"&".join(b"a[%d]=" % index for index in range(100_000)),
    "nesting": b"a" + b"[b]" * 100_000 + b"=1",
    "one key": b"a" * TEN_MEGABYTES,
    "one escaped key": b"%5B" * (TEN_MEGABYTES // 3),
    "brackets": b"[" * TEN_MEGABYTES,
    "lists": b"a" + b"[]" * (TEN_MEGABYTES // 2),
    "percent signs": b"a=" + b"%" * TEN_MEGABYTES,
    "separators": b"&" * TEN_MEGABYTES,
    "appending behind": b"&".join(
        [*(b"a[%d]=x" % index for index in range(4_999, 0, -1)), *[b"a[]="] * 5_000]
    ),
    "lists in lists": b"&".join([b"a" + b"[]" * 31 + b"=1"] * 10_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_soon(name: str) -> None:
    started = time.process_time()

    try:
        parse_form(BOMBS[name])
    except UnreadableBody as error:
        assert len(str(error)) < 100

    assert time.process_time() - started < 20  # what is not bounded takes minutes
