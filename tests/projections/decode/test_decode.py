"""What holds of every decoder."""

from typing import Any

import pytest

from projections.decode import decode
from projections.errors import Undecodable
from projections.facts import MAX_ID, Decoded
from tests import samples
from tests.projections.decode.received import GONE, only, received, sample, with_payload

V2_ADD = "imbot_v2/onimbotv2messageadd.json"
LEGACY_ADD = "legacy/onimbotmessageadd.json"


@pytest.mark.parametrize(
    "event_type",
    [
        *("ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL", "ONAPPTEST", "ONOFFLINEEVENT"),
        *("ONOPENLINEMESSAGEADD", "ONOPENLINEMESSAGEUPDATE", "ONOPENLINEMESSAGEDELETE"),
        *(
            "ONSESSIONSTART",
            "ONSESSIONFINISH",
            "ONIMCONNECTORMESSAGEADD",
            "OnImConnectorLineDelete",
        ),
    ],
)
def test_a_neighbouring_event_says_nothing(event_type: str) -> None:
    event = received({"event": event_type, "ts": "1789365600", "auth": {}})

    assert decode(event) == Decoded((), {})


@pytest.mark.parametrize("event_type", ["ONIMBOTCONTEXTGET", "ONCRMDEALADD", "X"])
def test_an_event_without_a_decoder_is_refused(event_type: str) -> None:
    with pytest.raises(Undecodable, match=r"^no decoder for this event type$"):
        decode(received({"event": event_type, "data": {}}))


def test_the_case_of_an_event_s_type_does_not_matter() -> None:
    event = sample("legacy/onimbotdelete.json", {"event": "OnImBotDelete"})

    assert only(event)["kind"] == "bot_unregistered"


def test_an_event_without_any_time_happened_when_it_was_received_by_inference() -> None:
    event = sample(V2_ADD, {"date": GONE, "data.message.date": GONE})

    fact = only(event)

    assert (fact["occurred_at"], fact["basis"]) == (event.received_at, "inferred")


@pytest.mark.parametrize("name", [V2_ADD, LEGACY_ADD])
def test_nul_becomes_the_replacement_character_everywhere(name: str) -> None:
    changes = {
        "data.message.text": "a\0b",
        "data.user.name": "c\0",
        "data.chat.name": "\0",
        "data.PARAMS.MESSAGE_ORIGINAL": "a\0b",
        "data.USER.NAME": "c\0",
        "data.PARAMS.CHAT_TITLE": "\0",
    }

    fact = only(sample(name, changes))

    assert fact["text"] == "a\ufffdb"
    assert fact["user_profile"]["name"] == "c\ufffd"
    assert fact["chat_profile"]["title"] == "\ufffd"


def test_a_text_that_only_spells_an_escaped_nul_is_kept() -> None:
    text = "\\u0000 \\\\u0000"

    assert only(sample(V2_ADD, {"data.message.text": text}))["text"] == text
    assert only(sample(V2_ADD, {"data.message.text": text + "\0"}))["text"] == text + "\ufffd"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": GONE}, "data: Field required"),
        ({"data": []}, "data: Input should be an object"),
        ({"data.message": GONE}, "data.message: Field required"),
        ({"data.message.id": GONE}, "data.message.id: Field required"),
        ({"data.message.id": True}, "data.message.id: not a number from 0 to 2^63 - 1"),
        ({"data.message.id": MAX_ID + 1}, "data.message.id: not a number from 0 to 2^63 - 1"),
        ({"data.message.id": str(MAX_ID + 1)}, "data.message.id: not a number from 0 to 2^63 - 1"),
        ({"data.message.id": "-1"}, "data.message.id: not a number from 0 to 2^63 - 1"),
        ({"data.chat.id": "abc"}, "data.chat.id: not a number from 0 to 2^63 - 1"),
        ({"data.chat": "abc"}, "data.chat: Input should be an object"),
        ({"data.message.text": ["abc"]}, "data.message.text: Input should be a valid string"),
        (
            {"data.message.date": "2026-09-14T10:15:00"},
            "data.message.date: not a moment with a zone",
        ),
        (
            {"data.message.date": "0001-01-01T00:00:00+14:00"},
            "data.message.date: not within the years 1 to 9999",
        ),
        (
            {"data.message.params": {"FILE_ID": {"abc": "abc"}}},
            "data.message.params.file_id.*: not a number from 0 to 2^63 - 1",
        ),
        (
            {"data.message.params": {"FILE_ID": ["8801", "abc"]}},
            "data.message.params.file_id.1: not a number from 0 to 2^63 - 1",
        ),
    ],
)
def test_a_refusal_names_the_place_and_the_fault(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Undecodable) as refusal:
        decode(sample(V2_ADD, changes))

    assert refusal.value.reason == reason


def test_a_refusal_does_not_name_the_keys_of_a_map() -> None:
    event = sample("legacy/onimcommandadd.json", {"data.COMMAND": {"abc": {"COMMAND": ""}}})

    with pytest.raises(Undecodable, match=r"^data\.COMMAND\.\*\.COMMAND: String should have"):
        decode(event)


@pytest.mark.parametrize("payload", ["", "{", '{"data":', '"\\ud800"', "[" * 100_000, None, 7])
def test_a_payload_that_is_no_json_is_refused(payload: Any) -> None:
    event = sample(V2_ADD)._replace(payload=payload)

    with pytest.raises(Undecodable):
        decode(event)


def test_an_id_may_be_as_large_as_both_engines_hold() -> None:
    assert only(sample(V2_ADD, {"data.message.id": str(MAX_ID)}))["message_id"] == MAX_ID


def test_decoding_reads_the_payload_and_never_the_envelope_s_type() -> None:
    tree = samples.tree(V2_ADD)
    del tree["type"], tree["eventId"], tree["date"]

    assert only(with_payload(sample(V2_ADD), tree)) == only(sample(V2_ADD))
