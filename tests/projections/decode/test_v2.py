"""What the v2 families say beyond the samples."""

from typing import Any

import pytest

from projections.decode import decode
from projections.errors import Undecodable
from tests.projections.decode.received import GONE, at, only, sample, told

ADD = "im_v2/onimv2messageadd.json"
EDIT = "im_v2/onimv2messageupdate.json"
FORWARD = "im_v2/onimv2messageadd_forward.json"
REACTION = "im_v2/onimv2reactionchange.json"
COMMAND = "imbot_v2/onimbotv2commandadd.json"


@pytest.mark.parametrize(
    ("sent", "message_id"),
    [
        (190390, 190390),
        ("190390", 190390),
        ("chat2201/190390", 190390),
        *(
            (odd, None)
            for odd in ("chat2201/", "190390/x", "", None, True, 0, -1, 2**63, [7], GONE)
        ),
    ],
)
def test_a_forward_names_its_message_in_many_spellings_or_not_at_all(
    sent: Any, message_id: int | None
) -> None:
    fact = only(sample(FORWARD, {"data.message.forward.id": sent}))

    assert fact["detail"]["forward"] == {
        "chat_id": 2201,
        "message_id": message_id,
        "author_id": 41,
    }


def test_an_answer_names_the_message_it_answers() -> None:
    for sent in (190420, "190420", ["190420"]):
        fact = only(sample(ADD, {"data.message.params": {"REPLY_ID": sent}}))

        assert fact["detail"]["reply_to"] == {
            "message_id": 190420,
            "author_id": None,
            "text": None,
        }


@pytest.mark.parametrize("sent", [8801, "8801", [8801], ["8801"], {"3": "8801"}])
def test_a_file_is_known_by_its_id(sent: Any) -> None:
    fact = only(sample(ADD, {"data.message.params": {"file_id": sent}}))

    assert fact["detail"]["files"] == [{"id": 8801, "name": None, "type": None, "size": None}]


@pytest.mark.parametrize("nothing", [0, "0", "", None, [], [0], [""], {"0": "0"}])
def test_params_that_name_nothing_are_no_detail(nothing: Any) -> None:
    fact = only(sample(ADD, {"data.message.params": {"REPLY_ID": nothing, "FILE_ID": nothing}}))

    assert "detail" not in fact


@pytest.mark.parametrize("code", ["CHAT_JOIN", ["CHAT_JOIN"], {"0": "CHAT_JOIN"}])
@pytest.mark.parametrize("name", [ADD, EDIT])
def test_only_a_system_message_has_a_code(name: str, code: Any) -> None:
    changes = {"data.message.params": {"Code": code}}

    assert only(sample(name, changes | {"data.message.isSystem": True}))["code"] == "CHAT_JOIN"
    assert "code" not in only(sample(name, changes))


@pytest.mark.parametrize("nothing", ["", [""], []])
def test_an_empty_code_is_none(nothing: Any) -> None:
    changes = {"data.message.params": {"CODE": nothing}, "data.message.isSystem": True}

    assert "code" not in only(sample(ADD, changes))


def test_an_id_that_may_be_absent_may_be_false() -> None:
    fact = only(sample(ADD, {"data.chat.owner": False}))

    assert "owner_id" not in fact["chat_profile"]


def test_a_name_that_looks_like_a_number_is_a_name() -> None:
    assert only(sample(ADD, {"data.chat.name": 2026}))["chat_profile"]["title"] == "2026"


def test_the_author_0_is_the_system_unless_the_message_denies_it() -> None:
    silent = only(sample(ADD, {"data.message.authorId": 0, "data.message.isSystem": GONE}))
    denied = only(sample(ADD, {"data.message.authorId": 0, "data.message.isSystem": False}))

    assert (silent["user_id"], silent["detail"]) == (0, {"system": True})
    assert "detail" not in denied


def test_the_chat_is_the_message_s_where_none_is_described() -> None:
    fact = only(sample(ADD, {"data.chat": []}))

    assert fact["chat_profile"] == {"chat": 2207}


def test_a_message_in_no_known_chat_is_told_all_the_same() -> None:
    fact = only(sample(ADD, {"data.chat": [], "data.message.chatId": GONE}))

    assert fact["message_id"] == 190411
    assert "chat_id" not in fact
    assert "chat_profile" not in fact


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("FACE_WITH_TEARS_OF_JOY", "faceWithTearsOfJoy"),
        ("LIKE", "like"),
        ("faceWithTearsOfJoy", "faceWithTearsOfJoy"),
        ("👍", "👍"),
    ],
)
def test_a_reaction_has_one_spelling(sent: str, code: str) -> None:
    assert only(sample(REACTION, {"data.reaction": sent}))["code"] == code


@pytest.mark.parametrize("nobody", [{}, [], {"id": 0}, {"id": ""}])
@pytest.mark.parametrize("name", [REACTION, "im_v2/onimv2joinchat.json"])
def test_nobody_reacts_and_nobody_joins(name: str, nobody: Any) -> None:
    with pytest.raises(Undecodable, match=r"data\.user\.id: nobody"):
        decode(sample(name, {"data.user": nobody}))


def test_a_reaction_to_a_message_that_is_gone_shows_no_text() -> None:
    fact = only(sample(REACTION, {"data.message": {"id": 190411}}))

    assert fact["kind"] == "reaction_added"
    assert fact.keys().isdisjoint({"text", "detail"})


@pytest.mark.parametrize("context", ["keyboard", "menu", "", GONE])
def test_a_command_that_was_not_typed_is_no_posting(context: Any) -> None:
    (call,) = told(sample(COMMAND, {"data.command.context": context}))

    assert (call["kind"], call["code"], call["message_id"]) == ("command_called", "plan", 190430)
    assert call["text"] == "/plan export csv"  # what the named message said then
    assert call["detail"]["author"] == 41
    assert call["detail"]["posted_at"] == at("10:25:00")


def test_a_typed_command_says_its_text_once() -> None:
    posting, call = told(sample(COMMAND))

    assert posting["text"] == "/plan export csv"
    assert "text" not in call


def test_the_context_of_an_opening_stays_out() -> None:
    (fact,) = decode(sample("imbot_v2/onimbotv2contextget.json")).facts

    assert fact.detail is None
