"""The bytes decide what a body is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from eventstore.body import parse_body, parse_json
from eventstore.errors import UnreadableBody
from tests import samples

CANARY = "canary-0123456789-canary"


@pytest.mark.parametrize("name", samples.JSON)
def test_json_is_read_as_json(name: str) -> None:
    assert parse_body(samples.sample(name)) == samples.tree(name)


@pytest.mark.parametrize("name", [name for name in samples.FORMS if samples.view(name)])
def test_trap_41_the_same_event_is_read_from_a_form_and_from_json(name: str) -> None:
    form = parse_body(samples.sample(name))

    assert form == parse_body(to_json(samples.view(name)))


@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_blanks_and_a_byte_order_mark_change_nothing(before: bytes) -> None:
    assert parse_body(before + b'{"event": "X"}\n') == {"event": "X"}
    assert parse_body(before + b"event=X") == {"event": "X"}
    assert parse_json(before + b"[1]") == [1]


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_nothing_is_no_body(body: bytes) -> None:
    with pytest.raises(UnreadableBody, match="empty"):
        parse_body(body)


def test_integers_beyond_64_bits_stay_exact() -> None:
    assert parse_body(b'{"a": 18446744073709551617}') == {"a": 2**64 + 1}


@pytest.mark.parametrize(
    "body",
    [
        f'{{"{CANARY}',
        f'{{"{CANARY}" 1}}',
        f'{{"a": "\\x{CANARY}"}}',
        f'{{"a": {CANARY}}}',
        f'{{"a": "{CANARY}\x01"}}',
        f'["{CANARY}", NaN]',
        f'["{CANARY}", "\\ud800"]',
        f'["{CANARY}", {"[" * 100_000}',
        f'["{CANARY}", {"9" * 100_000}]',
        f'["{CANARY}"] {CANARY}',
        f'["{CANARY}", Infinity]',
    ],
)
def test_what_is_no_json_is_refused_with_its_place_and_nothing_else(body: str) -> None:
    with pytest.raises(UnreadableBody, match=r"^no JSON: .* at line \d+ column \d+$") as refusal:
        parse_body(body.encode())

    assert CANARY not in str(refusal.value)
    assert refusal.value.__cause__ is None


@given(st.binary(max_size=100) | st.text('{}[]":,0e9-\\u', max_size=40).map(str.encode))
def test_any_bytes_are_a_tree_or_unreadable(body: bytes) -> None:
    try:
        parse_body(body)
    except UnreadableBody as error:
        assert re.search(r"at (byte|line) \d|empty|more than", str(error))
