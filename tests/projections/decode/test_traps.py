"""The traps of the reference's section 6, as far as they lie in decoding; each test names its."""

from typing import Any

import pytest

from projections.decode import decode
from projections.errors import Undecodable
from tests.projections.decode.received import GONE, at, only, sample, told

LEGACY_ADD = "legacy/onimbotmessageadd.json"
LEGACY_PRIVATE = "legacy/onimbotmessageadd_private.json"
LEGACY_UPDATE = "legacy/onimbotmessageupdate.json"
LEGACY_COMMAND = "legacy/onimcommandadd.json"
V2_ADD = "imbot_v2/onimbotv2messageadd.json"
V2_UPDATE = "imbot_v2/onimbotv2messageupdate.json"
V2_COMMAND = "imbot_v2/onimbotv2commandadd.json"
V2_REACTION = "im_v2/onimv2reactionchange.json"

NO_OBJECT: list[Any] = [GONE, "", "0", [], {}, None, False]


def test_trap_01_a_group_text_is_the_original_one() -> None:
    assert only(sample(LEGACY_ADD))["text"].startswith("[USER=912]")


def test_trap_01_a_group_text_without_its_original_is_weak() -> None:
    fact = only(sample(LEGACY_ADD, {"data.PARAMS.MESSAGE_ORIGINAL": GONE}))

    assert fact["text"] == ", please log the rollout plan"
    assert fact["detail"] == {"weak": True}


def test_trap_01_what_is_left_of_a_mention_alone_says_nothing() -> None:
    changes = {"data.PARAMS.MESSAGE_ORIGINAL": GONE, "data.PARAMS.MESSAGE": " "}

    fact = only(sample(LEGACY_ADD, changes))

    assert "text" not in fact
    assert "detail" not in fact


def test_trap_01_an_empty_original_does_not_hide_a_text() -> None:
    fact = only(sample(LEGACY_ADD, {"data.PARAMS.MESSAGE_ORIGINAL": ""}))

    assert fact["text"] == ", please log the rollout plan"


def test_trap_02_a_private_text_without_an_original_is_whole() -> None:
    fact = only(sample(LEGACY_PRIVATE))

    assert fact["text"] == "Hi, what did we decide about the freeze?"
    assert "detail" not in fact


@pytest.mark.parametrize(
    "name",
    ["legacy/onimbotmessagedelete.json", "legacy/onimbotmessagedelete_private.json"],
)
def test_trap_03_the_notice_of_a_deletion_is_no_text(name: str) -> None:
    assert "text" not in only(sample(name))


@pytest.mark.parametrize("family", ["legacy/onimbot", "imbot_v2/onimbotv2"])
@pytest.mark.parametrize("event", ["messagedelete", "messageupdate"])
def test_trap_04_the_user_is_the_author_and_the_actor_a_hint(family: str, event: str) -> None:
    webhook = ".webhook.json" if "v2" in family else ".json"

    fact = only(sample(f"{family}{event}{webhook}", {"auth.user_id": "58"}))

    assert fact["user_id"] == 41
    assert fact["detail"]["actor"] == 58


def test_trap_04_a_queue_does_not_hint_at_the_actor() -> None:
    assert "detail" not in only(sample("imbot_v2/onimbotv2messagedelete.json"))


def test_trap_05_in_a_bots_event_the_bot_joined_and_the_user_added_it() -> None:
    for name in ("imbot_v2/onimbotv2joinchat.json", "legacy/onimbotjoinchat.json"):
        fact = only(sample(name))

        assert fact["user_id"] in {931, 912}
        assert fact["detail"] == {"by": 41}
        assert fact["user_profile"]["user"] == 41


def test_trap_05_in_a_users_event_the_user_joined_and_nobody_says_by_whom() -> None:
    fact = only(sample("im_v2/onimv2joinchat.json"))

    assert fact["user_id"] == fact["user_profile"]["user"] == 63
    assert "detail" not in fact


@pytest.mark.parametrize("code", ["CHAT_LEAVE", "chat_leave", "CHAT_USER_LEAVE", "CHAT_KICK"])
def test_trap_06_a_system_message_says_who_left(code: str) -> None:
    changes = {
        "data.message.date": "2026-09-14T10:05:58+03:00",
        "data.message.params": {"CODE": code},
        "data.message.text": "[USER=63 REPLACE]Hanna Lind[/USER] left ([user=63]Hanna[/user])",
    }

    posting, leave = told(sample("im_v2/onimv2messageadd_system.json", changes))

    assert posting["kind"] == "message_posted"
    assert posting["code"] == code
    assert leave == {
        "kind": "member_left",
        "chat_id": 2207,
        "user_id": 63,
        "occurred_at": at("10:05:58"),
        "chat_profile": posting["chat_profile"],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"data.message.text": "[USER=41]Priya[/USER] removed [USER=63]Hanna[/USER]"},
        {"data.message.text": "[USER=all]Everybody[/USER] left"},
        {"data.message.text": f"[USER={10**400}]Nobody[/USER] left"},
        {"data.message.text": "somebody left"},
        {"data.message.text": GONE},
        {"data.message.params": {"CODE": "CHAT_JOIN"}},
        {"data.message.params": {}},
        {"data.message.isSystem": False},
        {"data.message.chatId": GONE, "data.chat": []},
    ],
)
def test_trap_06_who_left_is_never_guessed(changes: dict[str, Any]) -> None:
    leaving = {
        "data.message.params": {"CODE": ["CHAT_LEAVE"]},
        "data.message.text": "[USER=63]Hanna Lind[/USER] left",
    }

    fact = only(sample("im_v2/onimv2messageadd_system.json", leaving | changes))

    assert fact["kind"] == "message_posted"


def test_trap_06_a_legacy_system_message_says_who_left_too() -> None:
    changes = {
        "data.PARAMS.SYSTEM": "Y",
        "data.PARAMS.FROM_USER_ID": "0",
        "data.PARAMS.AUTHOR_ID": "0",
        "data.PARAMS.MESSAGE_ORIGINAL": "[USER=63]Hanna Lind[/USER] left",
        "data.PARAMS.PARAMS": {"code": ["CHAT_LEAVE"]},
    }

    posting, leave = told(sample(LEGACY_ADD, changes))

    assert (posting["user_id"], posting["detail"]) == (0, {"system": True})
    assert (leave["kind"], leave["user_id"], leave["chat_id"]) == ("member_left", 63, 2207)


@pytest.mark.parametrize("name", [LEGACY_UPDATE, V2_UPDATE])
def test_trap_07_an_edit_needs_no_posting_and_invents_none(name: str) -> None:
    assert [fact["kind"] for fact in told(sample(name))] == ["message_edited"]


@pytest.mark.parametrize("name", [V2_UPDATE, V2_REACTION])
def test_trap_10_the_message_s_date_is_its_creation_and_no_other_time(name: str) -> None:
    event = sample(name)

    fact = only(event)

    assert fact["occurred_at"] == event.sent_at
    assert fact["detail"]["posted_at"] == at("10:15:00")


def test_trap_13_a_private_posting_is_in_the_chat_it_is_sent_to() -> None:
    assert only(sample(LEGACY_PRIVATE))["chat_id"] == 2301


def test_trap_13_a_private_joining_names_the_other_one_in_place_of_the_chat() -> None:
    fact = only(sample("legacy/onimbotjoinchat_private.json"))

    assert "chat_id" not in fact
    assert fact["detail"]["dialog_user"] == 41


@pytest.mark.parametrize(
    ("dialog_id", "chat_id"),
    [("chat2207", 2207), ("41", None), ("sg103", None), ("chat", None), (f"chat{2**63}", None)],
)
def test_trap_14_only_a_group_s_dialog_id_names_a_chat(dialog_id: str, chat_id: int | None) -> None:
    legacy = {
        "data.PARAMS.DIALOG_ID": dialog_id,
        "data.PARAMS.CHAT_ID": GONE,
        "data.PARAMS.TO_CHAT_ID": GONE,
    }
    v2 = {"data.chat": {"dialogId": dialog_id}, "data.message.chatId": GONE}

    assert only(sample(LEGACY_ADD, legacy)).get("chat_id") == chat_id
    assert only(sample(V2_ADD, v2)).get("chat_id") == chat_id


@pytest.mark.parametrize(
    "chat",
    [
        {"type": "private", "messageType": "P"},
        {"type": "private", "messageType": GONE},
        {"type": GONE, "messageType": "P"},
        {"type": GONE, "messageType": GONE, "dialogId": "41"},
    ],
)
def test_trap_14_a_private_chat_has_no_title(chat: dict[str, Any]) -> None:
    changes = {f"data.chat.{key}": value for key, value in chat.items()}

    assert "title" not in only(sample(V2_ADD, changes))["chat_profile"]


def test_trap_14_a_legacy_private_chat_has_no_title() -> None:
    fact = only(sample(LEGACY_PRIVATE, {"data.PARAMS.CHAT_TITLE": "Priya Nair"}))

    assert fact["chat_profile"] == {"chat": 2301, "letter": "P"}


@pytest.mark.parametrize("addressee", ["0", "912", "41", "", GONE])
def test_trap_15_the_addressee_means_nothing(addressee: Any) -> None:
    assert only(sample(LEGACY_ADD, {"data.PARAMS.TO_USER_ID": addressee})) == only(
        sample(LEGACY_ADD)
    )


def test_trap_16_the_count_of_members_means_nothing() -> None:
    assert only(sample(LEGACY_ADD, {"data.PARAMS.CHAT_USER_COUNT": "900"})) == only(
        sample(LEGACY_ADD)
    )


def test_trap_17_two_bots_make_one_message_of_one_witness() -> None:
    (fact,) = decode(sample("legacy/onimbotmessageadd_two_bots.json")).facts

    assert fact.witness == "bot:912"


@pytest.mark.parametrize("nothing", NO_OBJECT)
@pytest.mark.parametrize(("name", "key"), [(LEGACY_ADD, "USER"), (V2_ADD, "user")])
def test_trap_18_no_user_says_nothing_of_one(name: str, key: str, nothing: Any) -> None:
    fact = only(sample(name, {f"data.{key}": nothing}))

    assert fact["user_id"] == 41  # the message names its author
    assert "user_profile" not in fact


@pytest.mark.parametrize("nothing", NO_OBJECT)
@pytest.mark.parametrize("key", ["message.params", "message.forward", "chat"])
def test_trap_19_an_empty_object_and_a_missing_one_say_the_same(key: str, nothing: Any) -> None:
    fact = only(sample(V2_ADD, {f"data.{key}": nothing}))

    assert fact["chat_id"] == 2207  # the message names its chat
    assert "detail" not in fact


def test_trap_19_a_chat_s_profile_holds_only_what_was_said() -> None:
    fact = only(sample(V2_ADD, {"data.chat": {"id": 2207, "entityId": "", "owner": 0}}))

    assert fact["chat_profile"] == {"chat": 2207, "entity_id": ""}


@pytest.mark.parametrize("shape", [dict, list])
def test_trap_20_files_and_commands_may_be_keyed_by_id_or_not(shape: type) -> None:
    files = {"8802": {"id": "8802", "name": "b"}, "8801": {"id": "8801", "size": "0"}}
    sent = files if shape is dict else [files["8801"], files["8802"]]

    fact = only(sample(LEGACY_PRIVATE, {"data.PARAMS.FILES": sent}))

    assert fact["detail"]["files"] == [
        {"id": 8801, "name": None, "type": None, "size": 0},
        {"id": 8802, "name": "b", "type": None, "size": None},
    ]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        *((yes, "bot") for yes in ("Y", "1", True, "true", 1)),
        *((no, "user") for no in ("N", "0", False, "false", 0)),
        *((unknown, None) for unknown in ("", "maybe", None, 7, [], {}, GONE)),
    ],
)
def test_trap_21_a_flag_has_many_spellings_and_an_unknown_one_says_nothing(
    sent: Any, kind: str | None
) -> None:
    legacy = only(sample(LEGACY_ADD, {"data.USER.IS_BOT": sent}))
    v2 = only(sample(V2_ADD, {"data.user.bot": sent}))

    assert legacy["user_profile"].get("kind") == v2["user_profile"].get("kind") == kind


@pytest.mark.parametrize("no_date", ["0", "", None, False, GONE])
def test_trap_21_a_false_date_is_no_date(no_date: Any) -> None:
    event = sample(V2_ADD, {"data.message.date": no_date})

    assert only(event)["occurred_at"] == event.sent_at


@pytest.mark.parametrize("name", ["/plan", "plan"])
@pytest.mark.parametrize("context", ["TEXTAREA", "textarea"])
def test_trap_23_a_command_has_one_name_and_one_context(name: str, context: str) -> None:
    legacy = {"COMMAND": name, "COMMAND_CONTEXT": context, "BOT_ID": "912"}

    for event in (
        sample(LEGACY_COMMAND, {"data.COMMAND.14": legacy}),
        sample(V2_COMMAND, {"data.command": {"command": name, "context": context}}),
    ):
        posting, call = told(event)

        assert posting["kind"] == "message_posted"
        assert (call["code"], call["detail"]["context"]) == ("plan", "textarea")


def test_trap_24_a_message_may_call_several_commands() -> None:
    also = {"BOT_ID": "912", "COMMAND": "echo", "COMMAND_CONTEXT": "TEXTAREA"}

    facts = told(sample(LEGACY_COMMAND, {"data.COMMAND.9": also}))

    assert [(fact["kind"], fact.get("code")) for fact in facts] == [
        ("message_posted", None),
        ("command_called", "echo"),
        ("command_called", "plan"),
    ]
    assert {fact["message_id"] for fact in facts} == {190430}


@pytest.mark.parametrize("name", [LEGACY_UPDATE, V2_UPDATE])
def test_trap_32_an_edit_to_nothing_is_told_as_an_edit(name: str) -> None:
    changes = {
        "data.PARAMS.MESSAGE": "",
        "data.PARAMS.MESSAGE_ORIGINAL": "",
        "data.message.text": "",
    }
    family = "data.PARAMS." if "legacy" in name else "data.message."

    fact = only(sample(name, {place: v for place, v in changes.items() if family in place}))

    assert (fact["kind"], fact["text"]) == ("message_edited", "")
    assert "attached" not in fact["detail"]


@pytest.mark.parametrize("key", ["ATTACH", "KEYBOARD", "keyboard", "MENU", "URL_ATTACH"])
def test_trap_32_an_edit_says_what_is_attached(key: str) -> None:
    for name, place in ((LEGACY_UPDATE, "data.PARAMS.PARAMS"), (V2_UPDATE, "data.message.params")):
        fact = only(sample(name, {place: {key: [{"TEXT": "Press"}]}}))

        assert fact["detail"]["attached"] is True


def test_trap_32_a_legacy_keyboard_also_lies_beside_the_text() -> None:
    fact = only(sample(LEGACY_UPDATE, {"data.PARAMS.KEYBOARD": {"BUTTONS": ["1"]}}))

    assert fact["detail"]["attached"] is True


@pytest.mark.parametrize("nothing", ["N", "", [], {}, "0", None])
def test_trap_32_an_empty_attachment_is_none(nothing: Any) -> None:
    fact = only(sample(V2_UPDATE, {"data.message.params": {"ATTACH": nothing}}))

    assert "attached" not in fact["detail"]


def test_trap_33_a_cut_text_is_kept_as_it_was_sent() -> None:
    cut = "x" * 20_000 + " (...)"

    assert only(sample(V2_ADD, {"data.message.text": cut}))["text"] == cut


def test_trap_34_a_mention_is_kept_as_it_was_sent() -> None:
    text = " [user=41 REPLACE]P. Nair[/user]\r\n"

    assert only(sample(V2_ADD, {"data.message.text": text}))["text"] == text


def test_trap_35_what_differs_between_readers_is_no_fact() -> None:
    changes = {"data.message.viewedByOthers": True, "data.bot.countMessage": 900}

    assert told(sample(V2_ADD, changes)) == told(sample(V2_ADD))


@pytest.mark.parametrize("auth", [{}, [], "", GONE, {"domain": "acme.bitrix24.example"}])
def test_trap_36_a_webhook_without_tokens_has_no_actor(auth: Any) -> None:
    fact = only(sample("legacy/onimbotmessagedelete.json", {"auth": auth}))

    assert "detail" not in fact


def test_trap_37_an_unknown_event_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="no decoder for this event type"):
        decode(sample(V2_ADD, {"type": "ONIMBOTV2SOMETHINGNEW"}))


def test_trap_37_unknown_words_of_known_events_are_kept() -> None:
    chat = {"data.chat.type": "galaxy", "data.chat.messageType": "Ω"}

    assert only(sample(V2_ADD, chat))["chat_profile"]["type"] == "galaxy"
    assert only(sample(V2_REACTION, {"data.reaction": "newReaction"}))["code"] == "newReaction"
    (call,) = told(sample(V2_COMMAND, {"data.command.context": "voice"}))
    assert call["detail"]["context"] == "voice"


def test_trap_37_an_unknown_reaction_action_is_undecodable() -> None:
    with pytest.raises(Undecodable, match=r"^unknown reaction action$"):
        decode(sample(V2_REACTION, {"data.action": "replace"}))


@pytest.mark.parametrize("name", [V2_ADD, V2_UPDATE])
def test_trap_38_a_missing_text_is_not_an_empty_one(name: str) -> None:
    missing = only(sample(name, {"data.message": {"id": 190411}}))
    empty = only(sample(name, {"data.message.text": ""}))

    assert (missing["message_id"], missing["chat_id"], missing["user_id"]) == (190411, 2207, 41)
    assert "text" not in missing
    assert empty["text"] == ""


def test_trap_41_ids_are_numbers_in_any_spelling() -> None:
    spelled = {"data.message.id": "190411", "data.user.id": "41", "data.chat.id": "2207"}

    assert told(sample(V2_ADD, spelled)) == told(sample(V2_ADD))


def test_trap_42_a_bot_and_a_user_tell_a_reaction_alike() -> None:
    bots, users = sample("imbot_v2/onimbotv2reactionchange.json"), sample(V2_REACTION)

    assert only(bots).keys() == only(users).keys()
