"""What the legacy family says beyond the samples."""

from typing import Any

import pytest

from projections.decode import decode
from projections.errors import Undecodable
from tests.projections.decode.received import GONE, only, sample, told

ADD = "legacy/onimbotmessageadd.json"
PRIVATE = "legacy/onimbotmessageadd_private.json"
UPDATE = "legacy/onimbotmessageupdate.json"
REPLY = "legacy/onimbotmessageadd_reply_file.json"
COMMAND = "legacy/onimcommandadd.json"


def test_a_message_has_its_id_under_either_name() -> None:
    for gone in ("ID", "MESSAGE_ID"):
        assert only(sample(UPDATE, {f"data.PARAMS.{gone}": GONE}))["message_id"] == 190411


@pytest.mark.parametrize("name", [ADD, UPDATE, "legacy/onimbotmessagedelete.json"])
def test_a_message_without_an_id_is_refused(name: str) -> None:
    with pytest.raises(Undecodable, match="MESSAGE_ID"):
        decode(sample(name, {"data.PARAMS.ID": GONE, "data.PARAMS.MESSAGE_ID": ""}))


def test_the_author_is_named_twice_and_once_is_enough() -> None:
    assert only(sample(ADD, {"data.PARAMS.AUTHOR_ID": GONE}))["user_id"] == 41
    assert only(sample(ADD, {"data.PARAMS.FROM_USER_ID": GONE}))["user_id"] == 41


@pytest.mark.parametrize(
    ("fields", "weak"),
    [
        ({"MESSAGE_TYPE": "P", "CHAT_TYPE": "P"}, False),
        ({"MESSAGE_TYPE": "X", "CHAT_TYPE": GONE}, True),
        ({"MESSAGE_TYPE": GONE, "CHAT_TYPE": "C"}, True),
        ({"MESSAGE_TYPE": GONE, "CHAT_TYPE": GONE}, True),
        ({"MESSAGE_TYPE": GONE, "CHAT_TYPE": GONE, "DIALOG_ID": "41"}, False),
        ({"MENTIONED_LIST": GONE}, True),
    ],
)
def test_a_text_is_weak_in_every_chat_but_a_private_one(fields: dict[str, Any], weak: bool) -> None:  # noqa: FBT001
    changes = {f"data.PARAMS.{key}": value for key, value in fields.items()}

    fact = only(sample(ADD, changes | {"data.PARAMS.MESSAGE_ORIGINAL": GONE}))

    assert fact.get("detail") == ({"weak": True} if weak else None)


def test_a_missing_text_says_nothing() -> None:
    assert "text" not in only(sample(PRIVATE, {"data.PARAMS.MESSAGE": GONE}))


def test_an_edit_of_a_private_text_to_nothing_is_empty() -> None:
    name = "legacy/onimbotmessageupdate_private.json"

    assert only(sample(name, {"data.PARAMS.MESSAGE": ""}))["text"] == ""


def test_a_chat_s_letter_has_two_names() -> None:
    fact = only(sample(ADD, {"data.PARAMS.MESSAGE_TYPE": GONE, "data.PARAMS.CHAT_TYPE": "O"}))

    assert fact["chat_profile"]["letter"] == "O"


def test_the_author_0_is_the_system_unless_the_message_denies_it() -> None:
    author = {"data.PARAMS.AUTHOR_ID": "0", "data.PARAMS.FROM_USER_ID": "0"}

    silent = only(sample(ADD, author | {"data.PARAMS.SYSTEM": GONE}))

    assert (silent["user_id"], silent["detail"]) == (0, {"system": True})
    assert "detail" not in only(sample(ADD, author))


def test_an_answer_may_be_described_only() -> None:
    fact = only(sample(REPLY, {"data.PARAMS.PARAMS": GONE}))

    assert fact["detail"]["reply_to"]["message_id"] == 190420


def test_an_answer_may_be_known_by_id_only() -> None:
    fact = only(sample(REPLY, {"data.PARAMS.REPLY_MESSAGE": GONE}))

    assert fact["detail"]["reply_to"] == {"message_id": 190420, "author_id": None, "text": None}


def test_a_file_that_is_not_described_is_known_by_id() -> None:
    fact = only(sample(REPLY, {"data.PARAMS.PARAMS": {"FILE_ID": ["8801", "8802"]}}))

    assert [(file["id"], file["name"]) for file in fact["detail"]["files"]] == [
        (8801, "rollout plan & dates.pdf"),
        (8802, None),
    ]


def test_no_signed_address_of_a_file_becomes_a_fact() -> None:
    (fact,) = decode(sample(REPLY)).facts

    assert "http" not in (fact.detail or "")


def test_the_parent_of_a_comment_s_chat_is_seen() -> None:
    changes = {"data.PARAMS.CHAT_PARENT_ID": "2208", "data.PARAMS.CHAT_PARENT_MID": "190388"}

    posting, _ = told(sample(COMMAND, changes))

    assert posting["chat_profile"]["parent_chat_id"] == 2208
    assert posting["chat_profile"]["parent_message_id"] == 190388


@pytest.mark.parametrize("context", ["KEYBOARD", "MENU", "", GONE])
def test_a_command_that_was_not_typed_is_no_posting(context: Any) -> None:
    (call,) = told(sample(COMMAND, {"data.COMMAND.14.COMMAND_CONTEXT": context}))

    assert (call["kind"], call["code"], call["message_id"]) == ("command_called", "plan", 190430)
    assert "text" not in call


def test_a_command_s_own_message_counts() -> None:
    changes = {
        "data.COMMAND.14.COMMAND_CONTEXT": "KEYBOARD",
        "data.COMMAND.14.MESSAGE_ID": "190412",
    }

    assert only(sample(COMMAND, changes))["message_id"] == 190412


def test_a_command_s_caller_is_the_sender_where_no_user_is_described() -> None:
    assert {fact["user_id"] for fact in told(sample(COMMAND, {"data.USER": GONE}))} == {41}


@pytest.mark.parametrize("none", [GONE, "", [], {}])
def test_a_command_event_without_a_command_is_refused(none: Any) -> None:
    with pytest.raises(Undecodable, match=r"^data\.COMMAND: no command$"):
        decode(sample(COMMAND, {"data.COMMAND": none}))


def test_a_joining_in_a_group_names_no_dialog() -> None:
    assert only(sample("legacy/onimbotjoinchat.json"))["detail"] == {"by": 41}


def test_a_joining_in_a_group_that_is_not_told_names_no_dialog() -> None:
    changes = {"data.PARAMS.CHAT_ID": GONE, "data.PARAMS.DIALOG_ID": GONE}

    assert only(sample("legacy/onimbotjoinchat.json", changes))["detail"] == {"by": 41}


def test_a_joining_without_an_adder_names_none() -> None:
    changes = {"data.PARAMS.USER_ID": "0", "data.USER": GONE}

    assert "detail" not in only(sample("legacy/onimbotjoinchat_private.json", changes))
