"""What a message says and has said, from facts in any order."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Fact
from projections.messages import MessageRow, MessageRows, VersionRow, message_rows
from tests.projections.factories import QUEUE, WEBHOOK, fact, moment

LONG = "word " * 4_000


def posted(text: str | None, second: float = 0, sequence: int | None = 1, **columns: Any) -> Fact:
    return fact("message_posted", second, text=text, sequence=sequence, **columns)


def edited(text: str | None, second: float, sequence: int | None = 2, **columns: Any) -> Fact:
    return fact("message_edited", second, text=text, sequence=sequence, **columns)


def deleted(second: float, sequence: int | None = 3, **columns: Any) -> Fact:
    return fact("message_deleted", second, sequence=sequence, **columns)


def reacted(text: str | None, second: float, **columns: Any) -> Fact:
    return fact("reaction_added", second, text=text, sequence=9, user_id=8, code="like", **columns)


def message(*facts: Fact) -> MessageRow:
    row = message_rows(facts).message
    assert row is not None
    return row


def texts(*facts: Fact) -> list[str]:
    return [version.text for version in message_rows(facts).versions]


def test_no_facts_are_no_message() -> None:
    assert message_rows([]) == MessageRows(None, ())


def test_a_posting_is_a_message_with_one_version() -> None:
    row, versions, _ = message_rows([posted("Hello", position=17)])

    assert row is not None
    assert row._asdict() == {
        "portal_id": 1,
        "message_id": 5,
        "chat_id": 7,
        "author_id": 41,
        "text": "Hello",
        "state": "live",
        "versions": 1,
        "system": 0,
        "posted_at": moment(0),
        "posted_basis": "event",
        "edited_at": None,
        "edited_after": None,
        "edited_basis": None,
        "edited_by": None,
        "edited_by_basis": None,
        "deleted_at": None,
        "deleted_after": None,
        "deleted_basis": None,
        "deleted_by": None,
        "deleted_by_basis": None,
        "reply_to": None,
        "forward": None,
        "files": "[]",
        "first_position": 17,
        "last_position": 17,
        "witnesses": '["user:27"]',
        "first_at": moment(0),
        "last_at": moment(0),
        "disputed": 0,
    }
    assert versions == (
        VersionRow(1, 5, 1, "Hello", moment(0), None, "event", 17, None, None, None, '["user:27"]'),
    )


def test_versions_last_from_one_change_to_the_next() -> None:
    told = [edited("B", 50, position=4), posted("A", position=9), edited("B", 52, None, position=3)]

    _, versions, _ = message_rows(told)

    assert [(v.text, v.from_at, v.from_position, v.until_at, v.until_basis) for v in versions] == [
        ("A", moment(0), 9, moment(50), "event"),
        ("B", moment(50), 3, None, None),
    ]
    assert json.loads(versions[1].witnesses) == [WEBHOOK, QUEUE]


def test_an_edit_that_leaves_the_text_is_an_edit_and_no_version() -> None:
    row = message(posted("A"), edited("A", 50))

    assert (row.versions, row.edited_at) == (1, moment(50))


def test_an_edit_says_who_only_where_all_hints_name_one_user() -> None:
    told = [posted("A"), edited("B", 50), edited("B", 51, None, seen={"actor": 8})]
    another = edited("B", 52, None, seen={"actor": 9}, witness="bot:1")

    assert message(*told[:2])[10:15] == (moment(50), None, "event", None, "unknown")
    assert message(*told)[10:15] == (moment(50), None, "event", 8, "inferred")
    assert message(*told, another)[10:15] == (moment(50), None, "event", None, "unknown")


def test_the_shown_text_is_what_a_queue_sent_first_of_all_spellings() -> None:
    by_webhook = posted("[USER=9]Al[/USER] hi", -5, None)
    by_queue = posted("[USER=9]Albert[/USER] hi ")
    later = posted("[USER=9]Bert[/USER] hi", 0, 2, witness="bot:9")

    assert texts(by_webhook, later, by_queue) == ["[USER=9]Albert[/USER] hi "]
    assert texts(by_webhook) == ["[USER=9]Al[/USER] hi"]


def test_a_weak_text_gives_way_to_the_whole_one() -> None:
    weak = posted(", please", -5, 1, seen={"weak": True})
    whole = posted("[USER=912]Archivist[/USER], please", 3, None)

    assert texts(weak, whole) == ["[USER=912]Archivist[/USER], please"]
    assert texts(weak) == [", please"]


def test_a_message_is_as_old_as_the_earliest_that_tells_of_it() -> None:
    late = posted("A", 5, None)
    seen = edited("B", 50, seen={"posted_at": moment(0)})

    row, versions, _ = message_rows([late, seen])

    assert row is not None
    assert (row.posted_at, row.posted_basis) == (moment(0), "observed")
    assert (versions[0].from_at, versions[0].from_basis) == (moment(0), "observed")


def test_a_message_of_which_nobody_told_the_creation_has_none() -> None:
    row = message(edited("B", 50, None))

    assert (row.posted_at, row.posted_basis) == (None, "unknown")


def test_trap_07_an_edit_without_a_posting_is_the_first_version_that_is_known() -> None:
    row, versions, _ = message_rows([edited("B", 50, seen={"posted_at": moment(0)})])

    assert row is not None
    assert (row.posted_at, row.posted_basis, row.versions) == (moment(0), "observed", 1)
    assert (row.edited_at, row.chat_id, row.author_id) == (moment(50), 7, 41)
    assert [(v.version, v.text, v.from_at) for v in versions] == [(1, "B", moment(50))]


def test_trap_09_a_deletion_is_final_in_whatever_order_it_comes() -> None:
    row, versions, _ = message_rows([edited("B", 90), deleted(60), posted("A")])

    assert row is not None
    assert (row.state, row.text, row.deleted_at) == ("deleted", "B", moment(60))
    assert [(v.text, v.until_at) for v in versions] == [("A", moment(90)), ("B", moment(60))]


def test_a_deletion_alone_is_a_message_without_text() -> None:
    row, versions, _ = message_rows([deleted(60)])

    assert row is not None
    assert (row.state, row.text, row.versions, versions) == ("deleted", None, 0, ())
    assert (row.chat_id, row.author_id, row.posted_basis) == (7, 41, "unknown")


def test_a_queue_knows_the_time_of_a_deletion_better() -> None:
    by_webhook = deleted(58, None, seen={"actor": 8})

    assert message(by_webhook, deleted(60), deleted(61))[15:20] == (
        moment(60),
        None,
        "event",
        8,
        "inferred",
    )
    assert message(by_webhook, deleted(70, None))[15] == moment(58)


def test_trap_10_the_creation_that_an_edit_shows_is_never_the_time_of_the_edit() -> None:
    early = {"posted_at": moment(0)}

    _, versions, _ = message_rows(
        [posted("A"), edited("B", 50, seen=early), reacted("B", 90, seen=early)]
    )

    assert [v.from_at for v in versions] == [moment(0), moment(50)]


def test_trap_32_an_edit_to_nothing_is_a_deletion() -> None:
    row = message(posted("A"), edited("", 50, seen={"actor": 8}))

    assert (row.state, row.text, row.versions) == ("deleted", "A", 1)
    assert row[10:20] == (*[None] * 5, moment(50), None, "event", 8, "inferred")


@pytest.mark.parametrize("more", [{"files": [{"id": 3}]}, {"attached": True}])
def test_trap_32_an_edit_to_nothing_of_a_message_that_has_more_than_text_is_an_edit(
    more: dict[str, Any],
) -> None:
    told = [posted("A", seen=more), edited("", 50)]

    assert (message(*told).state, texts(*told)) == ("live", ["A", ""])


def test_a_posting_without_text_is_a_message_without_text() -> None:
    assert texts(posted("")) == [""]


def test_trap_33_a_text_that_was_cut_is_no_edit() -> None:
    whole, cut = LONG + "the end", LONG[:19_994] + " (...)"

    assert texts(posted(cut, -1, 1), posted(whole, 0, None)) == [whole]
    assert texts(posted(cut)) == [cut]


def test_trap_34_a_new_display_name_is_no_edit() -> None:
    assert texts(posted("[USER=1]Al[/USER] hi"), edited("[user=1]Bo[/user] hi", 50)) == [
        "[USER=1]Al[/USER] hi"
    ]


def test_trap_35_what_else_was_seen_on_a_delivery_changes_nothing() -> None:
    told = posted("A", chat_profile=1, user_profile=2)

    assert message_rows([told, told._replace(chat_profile=3, user_profile=4)]) == message_rows(
        [told]
    )


def test_trap_38_a_payload_that_was_built_late_shows_the_last_text_twice() -> None:
    row, versions, _ = message_rows([posted("A"), edited("C", 50, 2), edited("C", 50, 3)])

    assert row is not None
    assert [v.text for v in versions] == ["A", "C"]


def test_trap_38_a_missing_text_is_not_an_empty_one() -> None:
    row = message(posted("A"), edited(None, 50))

    assert (row.state, row.text, row.versions) == ("live", "A", 1)


def test_a_reaction_alone_shows_a_message() -> None:
    seen = {"author": 41, "posted_at": moment(0)}

    row, versions, _ = message_rows([reacted("A", 90, seen=seen)])

    assert row is not None
    assert (row.author_id, row.chat_id, row.text, row.posted_basis) == (41, 7, "A", "observed")
    assert row.edited_at is None
    assert [(v.text, v.from_at, v.from_basis) for v in versions] == [("A", moment(90), "observed")]


def test_a_text_that_only_a_reaction_showed_was_edited_at_an_observed_time() -> None:
    row, versions, _ = message_rows([posted("A"), reacted("B", 900)])

    assert row is not None
    assert (row.edited_at, row.edited_basis, row.edited_by_basis) == (
        moment(900),
        "observed",
        "unknown",
    )
    assert [(v.text, v.from_basis) for v in versions] == [("A", "event"), ("B", "observed")]


def test_a_reaction_without_text_shows_none() -> None:
    assert message(reacted(None, 5)).versions == 0


def test_the_author_is_whom_the_most_telling_fact_names() -> None:
    told = [
        reacted("A", 1, seen={"author": 4}),
        deleted(2, user_id=3),
        edited("A", 3, user_id=2),
        posted("A", 9, user_id=1),
    ]

    assert [message(*told[: n + 1]).author_id for n in range(4)] == [4, 3, 2, 1]
    assert message(posted("A", user_id=None), edited("B", 3, user_id=2)).author_id == 2
    assert message(posted("A", 0, 9, user_id=1), posted("A", 0, 8, user_id=2)).author_id == 2


def test_a_system_message_is_one() -> None:
    assert message(posted("A", user_id=0, seen={"system": True})).system == 1


def test_files_are_those_of_the_latest_change_that_has_any() -> None:
    first = posted("A", seen={"files": [{"id": 3, "name": "a", "type": None, "size": 1}]})
    second = edited("B", 50, seen={"files": [{"id": 4, "name": "b", "type": None, "size": 2}]})

    assert json.loads(message(first, edited("B", 50)).files)[0]["id"] == 3
    assert [file["id"] for file in json.loads(message(second, first).files)] == [4]
    assert message(first, edited("B", 50, seen={"files": []})).files == "[]"


def test_a_file_known_by_its_id_gets_the_rest_from_another_witness() -> None:
    by_queue = posted("A", seen={"files": [{"id": 3, "name": None, "type": None, "size": None}]})
    by_webhook = posted(
        "A", 2, None, seen={"files": [{"id": 3, "name": "plan.pdf", "type": "file", "size": 9}]}
    )

    assert json.loads(message(by_queue, by_webhook).files) == [
        {"id": 3, "name": "plan.pdf", "type": "file", "size": 9}
    ]


def test_files_of_a_posting_whose_text_was_cut_away_are_kept() -> None:
    row = message(posted(None, seen={"weak": True, "files": [{"id": 3}]}))

    assert (row.files, row.versions) == ('[{"id":3}]', 0)


def test_a_reply_and_a_forward_stay_where_an_edit_leaves_them_out() -> None:
    reply = {"message_id": 3, "author_id": None, "text": None}
    forward = {"chat_id": 9, "message_id": 8, "author_id": 7}
    told = posted("A", seen={"reply_to": reply, "forward": forward})
    fuller = posted("A", 1, None, seen={"reply_to": {"message_id": 3, "author_id": 2, "text": "?"}})

    row = message(told, fuller, edited("B", 50))

    assert json.loads(row.reply_to or "") == {"message_id": 3, "author_id": 2, "text": "?"}
    assert json.loads(row.forward or "") == forward


def test_all_facts_count_for_positions_and_witnesses() -> None:
    row = message(posted("A", position=5), reacted("A", 9, position=2, witness="bot:1"))

    assert (row.first_position, row.last_position) == (2, 5)
    assert json.loads(row.witnesses) == ["bot:1", QUEUE]


details = st.fixed_dictionaries(
    {},
    optional={
        "posted_at": st.sampled_from((moment(0), moment(-5))),
        "weak": st.just(True),  # noqa: FBT003  (a constant)
        "system": st.just(True),  # noqa: FBT003
        "attached": st.just(True),  # noqa: FBT003
        "actor": st.integers(1, 2),
        "author": st.integers(1, 2),
        "files": st.lists(
            st.fixed_dictionaries(
                {"id": st.integers(1, 2), "name": st.sampled_from((None, "a", "b"))}
            ),
            max_size=2,
        ),
        "reply_to": st.fixed_dictionaries(
            {"message_id": st.integers(1, 2), "text": st.sampled_from((None, "x", "y"))}
        ),
        "forward": st.fixed_dictionaries({"chat_id": st.integers(1, 2)}),
    },
)
facts_of_a_message = st.lists(
    st.builds(
        fact,
        st.sampled_from(
            (
                "message_posted",
                "message_edited",
                "message_edited",
                "message_deleted",
                "reaction_added",
            )
        ),
        st.integers(0, 6).map(lambda step: step * 45),
        seen=details,
        text=st.sampled_from(
            (
                None,
                "",
                "A",
                "B",
                "[USER=1]x[/USER] A",
                "[USER=1]y[/USER] A",
                LONG,
                LONG[:19_994] + " (...)",
            )
        ),
        sequence=st.none() | st.integers(0, 9),
        witness=st.sampled_from(("user:27", "bot:9", "app")),
        user_id=st.none() | st.integers(0, 2),
        chat_id=st.none() | st.integers(7, 8),
        basis=st.sampled_from(("event", "inferred")),
    ),
    max_size=7,
)


def apart_from_positions(rows: MessageRows) -> MessageRows:
    return MessageRows(
        rows.message and rows.message._replace(first_position=0, last_position=0),
        tuple(version._replace(from_position=0) for version in rows.versions),
    )


@given(facts_of_a_message, st.data())
def test_rows_do_not_depend_on_order_or_repetition(facts: list[Fact], data: st.DataObject) -> None:
    rows = message_rows(facts)

    again = data.draw(st.permutations(facts + facts[:2]))
    placed = [told._replace(position=position) for position, told in enumerate(again, 1)]

    assert apart_from_positions(message_rows(placed)) == apart_from_positions(rows)


@given(facts_of_a_message)
def test_versions_are_numbered_and_follow_one_another(facts: list[Fact]) -> None:
    row, versions, _ = message_rows(facts)

    assert [version.version for version in versions] == [*range(1, len(versions) + 1)]
    assert all(before.until_at == after.from_at for before, after in pairwise(versions))
    if row:
        assert row.versions == len(versions)
        assert row.text == (versions[-1].text if versions else None)
