"""Chats and users, as they were seen."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.facts import canonical_json
from projections.profiles import ChatRows, UserRows, chat_rows, user_rows
from projections.spans import DAY, Span
from tests.projections.factories import moment


class Sights:
    """Spans of one chat or one user, and the profiles that they name."""

    def __init__(self, subject: Literal["chat", "user"]) -> None:
        self.subject = subject
        self.spans: list[Span] = []
        self.contents: dict[int, str] = {}

    def see(self, first: float, last: float | None = None, **fields: Any) -> "Sights":
        content = canonical_json({self.subject: 7, **fields})
        named = next((n for n, known in self.contents.items() if known == content), 0)
        named = named or len(self.contents) + 1
        self.contents[named] = content
        start, end = moment(first), moment(first if last is None else last)
        self.spans.append(Span(1, self.subject, 7, 0, named, start // DAY, start, end, 1, 1))
        return self

    def chat(self) -> ChatRows:
        return chat_rows(self.spans, self.contents)

    def user(self) -> UserRows:
        return user_rows(self.spans, self.contents)


def chat() -> Sights:
    return Sights("chat")


def user() -> Sights:
    return Sights("user")


def test_a_chat_that_was_never_seen_has_no_rows() -> None:
    assert chat_rows([], {}) == ChatRows(None, ())
    assert user_rows([], {}) == UserRows(None, ())


def test_a_chat_of_which_only_the_id_is_known_has_no_version() -> None:
    row, versions = chat().see(1, 90).chat()

    assert row is not None
    assert (row.title, row.first_seen_at, row.last_activity_at) == (None, moment(1), moment(90))
    assert versions == ()


def test_what_a_witness_leaves_out_says_nothing() -> None:
    row, versions = chat().see(1, title="War room", owner_id=41).see(2, type="chat").see(3).chat()

    assert row is not None
    assert (row.title, row.type, row.owner_id) == ("War room", "chat", 41)
    assert [(v.version, v.title, v.type) for v in versions] == [
        (1, "War room", None),
        (2, "War room", "chat"),
    ]


def test_a_new_title_is_a_new_version() -> None:
    _, versions = chat().see(1, 50, title="A").see(60, 99, title="B").chat()

    assert [(v.title, v.from_at, v.until_at) for v in versions] == [
        ("A", moment(1), moment(60)),
        ("B", moment(60), None),
    ]


def test_a_title_that_returns_is_seen_as_one_span_each_way() -> None:
    _, versions = chat().see(1, 90, title="A").see(40, 60, title="B").chat()

    assert [v.title for v in versions] == ["A", "B", "A"]


def test_trap_35_the_same_thing_seen_with_other_fields_is_no_version() -> None:
    _, versions = chat().see(1, 90, title="A").see(2, 80, title="A", type="chat").chat()

    assert [(v.title, v.type) for v in versions] == [("A", None), ("A", "chat")]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"letter": "C"}, "chat"),
        ({"letter": "J"}, "openChannel"),
        ({"letter": "?"}, "?"),
        ({"letter": "C", "type": "thread"}, "thread"),
        ({}, None),
    ],
)
def test_a_type_is_the_word_or_else_what_the_letter_means(
    fields: dict[str, Any], shown: str | None
) -> None:
    row, _ = chat().see(1, **fields).chat()

    assert row is not None
    assert row.type == shown


def test_a_word_for_the_type_counts_from_the_first_letter_on() -> None:
    _, versions = chat().see(1).see(2, letter="C").see(50, type="thread").chat()

    assert [(v.type, v.from_at) for v in versions] == [("thread", moment(2))]


def test_an_entity_that_is_there_and_empty_is_none() -> None:
    row, versions = (
        chat()
        .see(1, entity_type="CRM", entity_id="D|1")
        .see(2, entity_type="", entity_id="")
        .chat()
    )

    assert row is not None
    assert (row.entity_type, row.entity_id) == (None, None)
    assert [v.entity_type for v in versions] == ["CRM", None]


def test_a_thread_knows_its_parent() -> None:
    row, _ = chat().see(1, parent_chat_id=3, parent_message_id=4).chat()

    assert row is not None
    assert (row.parent_chat_id, row.parent_message_id) == (3, 4)


def test_a_user_has_a_version_for_every_name_and_position() -> None:
    row, versions = (
        user()
        .see(1, name="P. Nair", kind="user")
        .see(5, work_position="Lead")
        .see(9, name="Priya")
        .user()
    )

    assert row is not None
    assert row == (1, 7, "Priya", "Lead", "user", moment(1), moment(9))
    assert [v[2:] for v in versions] == [
        (1, "P. Nair", None, "user", moment(1), moment(5)),
        (2, "P. Nair", "Lead", "user", moment(5), moment(9)),
        (3, "Priya", "Lead", "user", moment(9), None),
    ]


def test_who_was_a_bot_once_is_a_bot_and_that_alone_is_no_version() -> None:
    row, versions = (
        user()
        .see(1, 99, kind="bot")
        .see(5, name="Archivist")
        .see(60, name="Archivist", kind="user")
        .user()
    )

    assert row is not None
    assert row.kind == "bot"
    assert [(v.name, v.kind, v.from_at, v.until_at) for v in versions] == [
        ("Archivist", "bot", moment(5), None)
    ]


def test_a_user_of_whom_nothing_is_known_has_no_kind() -> None:
    row, versions = user().see(1).user()

    assert row is not None
    assert (row.name, row.kind, versions) == (None, None, ())


fields = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from("AB"),
        "letter": st.sampled_from("CO"),
        "type": st.sampled_from(("chat", "open")),
        "name": st.sampled_from("XY"),
        "kind": st.sampled_from(("user", "bot")),
    },
)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), fields), max_size=6), st.data())
def test_rows_do_not_depend_on_order_or_repetition(
    seen: list[tuple[int, int, dict[str, str]]], data: st.DataObject
) -> None:
    sights = chat()
    for first, length, shown in seen:
        sights.see(first, first + length, **shown)
    again = data.draw(st.permutations(sights.spans + sights.spans[:2]))

    assert chat_rows(again, sights.contents) == sights.chat()
    assert user_rows(again, sights.contents) == sights.user()
