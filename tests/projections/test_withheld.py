"""What an export leaves out for who may not see what was taken back."""

from collections.abc import Sequence
from typing import Any

from projections.export.rows import of_message
from projections.export.tables import TABLES
from projections.export.withheld import withheld
from projections.facts import Fact
from tests.projections.factories import fact

Fields = dict[str, Any]

EDITED = [
    fact("message_posted", text="first", sequence=1),
    fact("message_edited", 60, text="second", sequence=2),
]
DELETED = [*EDITED, fact("message_deleted", 120, sequence=3)]


def shown(table: str, facts: Sequence[Fact]) -> list[Fields]:
    """Return the rows of a message, as who may not see everything gets them."""
    of = TABLES[table]
    rows = withheld(of, list(of_message(of.name, facts)))
    names = [column.name for column in of.columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_a_live_message_keeps_its_newest_text() -> None:
    (message,) = shown("messages", EDITED)

    assert (message["text"], message["withheld"]) == ("second", None)


def test_of_a_deleted_message_all_but_its_text_is_shown() -> None:
    (message,) = shown("messages", DELETED)

    assert (message["text"], message["withheld"]) == (None, "scope")
    assert (message["state"], message["versions"], message["chat_id"]) == ("deleted", 2, 7)


def test_a_deleted_message_without_a_text_withholds_none() -> None:
    (message,) = shown("messages", [fact("message_deleted")])

    assert (message["text"], message["withheld"]) == (None, None)


def test_only_the_version_that_stands_is_shown() -> None:
    of_edited = [(each["text"], each["withheld"]) for each in shown("versions", EDITED)]
    of_deleted = [(each["text"], each["withheld"]) for each in shown("versions", DELETED)]

    assert of_edited == [(None, "scope"), ("second", None)]
    assert of_deleted == [(None, "scope"), (None, "scope")]


def test_what_is_quoted_is_left_out_and_who_said_it_is_not() -> None:
    quote = {"reply_to": {"message_id": 4, "author_id": 41, "text": "taken back"}}

    (message,) = shown("messages", [fact("message_posted", text="yes", seen=quote)])

    assert message["text"] == "yes"
    assert message["reply_to"] == '{"author_id":41,"message_id":4,"text":null}'


def test_no_payload_of_an_event_is_left() -> None:
    of = TABLES["events"]
    names = [column.name for column in of.columns]

    (row,) = withheld(of, [tuple(names)])

    assert dict(zip(names, row, strict=True)) == {name: name for name in names} | {"payload": None}


def test_tables_without_texts_stay_as_they_are() -> None:
    for name, of in TABLES.items():
        if name not in {"messages", "versions", "events"}:
            rows = [tuple(column.name for column in of.columns)]
            assert withheld(of, rows) == rows
            assert not {"text", "payload"} & {column.name for column in of.columns}
