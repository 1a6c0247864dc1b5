"""What the wrapping says, and what it does not."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from eventstore.body import parse_body
from eventstore.envelope import (
    Receiving,
    application_token,
    check_portal,
    comparable,
    events_of,
    member_id,
    valid_receiver,
    webhook,
)
from eventstore.errors import PortalMismatch, UnreadableBody
from eventstore.event import NewEvent
from eventstore.redaction import Fingerprints, dump, redact
from tests import samples

FINGERPRINTS = Fingerprints(b"k" * 32)
HOW = Receiving(received_at=5, fingerprints=FINGERPRINTS, portal_key=b"p" * 32)
MEMBER = "fakememberid00000000000000000001"
SEVEN = "\N{ARABIC-INDIC DIGIT SEVEN}"  # a digit to Python, not to us
ITEM: dict[str, Any] = {"eventId": 7, "type": "ONIMBOTV2MESSAGEADD", "data": {}}


def received(tree: Any) -> NewEvent:
    return webhook(tree, delivery_id="0199", received_at=5, fingerprints=FINGERPRINTS)


def only(tree: Any, **how: Any) -> NewEvent:
    (event,) = events_of(tree, HOW._replace(**how))
    assert isinstance(event, NewEvent)
    return event


def test_a_webhook_is_an_event_of_its_own() -> None:
    tree = samples.tree("legacy/onimbotmessageadd.json")

    assert received(tree) == NewEvent(
        key="webhook:0199",
        source="webhook",
        receiver="bot:912",
        sequence=None,
        event_type="ONIMBOTMESSAGEADD",
        received_at=5,
        sent_at=int(tree["ts"]) * 1_000_000,
        payload=dump(redact(tree, FINGERPRINTS)),
    )


READING: dict[str, Any] = {
    "type": "CHRONICLECHATREAD",
    "date": "2026-09-14T10:06:00+03:00",
    "data": {"chatId": 5, "access": "read", "since": None, "chat": None},
}


def test_what_chronicle_read_over_rest_comes_from_rest_whoever_brings_it() -> None:
    event = only(READING, receiver="user:27")

    assert (event.source, event.receiver, event.sequence) == ("rest", "user:27", None)
    assert event.event_type == "CHRONICLECHATREAD"
    assert event.sent_at == 1_789_369_560_000_000


def test_what_chronicle_says_of_a_queue_comes_from_fetching() -> None:
    event = only({**READING, "type": "CHRONICLEQUEUEWATCHED"}, receiver="user:27")

    assert event.source == "fetch"
    assert event.key.startswith("watch:")


def test_what_is_told_again_has_the_same_key_and_what_another_saw_has_its_own() -> None:
    mine = only(READING, receiver="user:27").key

    assert only(READING, receiver="user:27", received_at=9).key == mine
    assert only(READING, receiver="user:28").key != mine
    assert only({**READING, "date": "2026-09-14T10:06:01+03:00"}, receiver="user:27").key != mine


def test_a_queue_item_has_the_key_of_its_queue() -> None:
    item = samples.tree("imbot_v2/onimbotv2messageadd.json")

    assert only(item, source="fetch", receiver="user:58") == NewEvent(
        key="fetch:700104",
        source="fetch",
        receiver="bot:931",
        sequence=700104,
        event_type="ONIMBOTV2MESSAGEADD",
        received_at=5,
        sent_at=1_789_370_101_000_000,
        payload=dump(redact(item, FINGERPRINTS)),
    )


@pytest.mark.parametrize("name", [*samples.WEBHOOKS, *samples.FORMS])
def test_every_sample_webhook_is_read(name: str) -> None:
    tree = parse_body(samples.sample(name))

    event = received(tree)

    assert event.event_type == tree["event"]
    assert event.sent_at == int(tree["ts"]) * 1_000_000
    assert valid_receiver(event.receiver)
    assert member_id(tree) == MEMBER
    assert application_token(tree) == tree["auth"]["application_token"]


@pytest.mark.parametrize("name", samples.ITEMS)
def test_every_sample_item_is_read(name: str) -> None:
    item = samples.tree(name)

    event = only(item)

    assert (event.key, event.sequence) == (f"fetch:{item['eventId']}", item["eventId"])
    assert event.event_type == item["type"]
    assert event.sent_at is not None


@pytest.mark.parametrize("name", samples.PAGES)
def test_every_sample_answer_is_read_in_its_order(name: str) -> None:
    page = samples.tree(name)

    events = events_of(page, HOW)

    assert events == [only(item) for item in page["result"]["events"]]


@pytest.mark.parametrize(
    "name",
    sorted({*samples.JSON} - {*samples.WEBHOOKS, *samples.ITEMS, *samples.PAGES}),
)
def test_other_answers_are_no_events(name: str) -> None:
    with pytest.raises(UnreadableBody):
        events_of(samples.tree(name), HOW)
    with pytest.raises(UnreadableBody):
        received(samples.tree(name))


def test_a_bad_item_does_not_take_its_neighbours_with_it() -> None:
    odd: list[Any] = [None, [], "x", {"eventId": 8}, {"type": "X"}, {**ITEM, "eventId": "x"}]
    infinite = {**ITEM, "x": float("inf")}
    page = {"result": {"events": [ITEM, *odd, infinite, {**ITEM, "eventId": 9}]}}

    first, *bad, last = events_of(page, HOW)

    assert isinstance(first, NewEvent)
    assert isinstance(last, NewEvent)
    assert (first.sequence, last.sequence) == (7, 9)
    assert [type(reason) for reason in bad] == [UnreadableBody] * 7


@pytest.mark.parametrize(
    "tree",
    [
        *[None, [], "x", 1, {}, [ITEM], {"result": True}, {"result": {"events": {}}}],
        *({"event": event_type} for event_type in ("", 7, None, "X" * 201, "X\0", "\ud800")),
    ],
)
def test_what_is_no_event_is_unreadable(tree: Any) -> None:
    with pytest.raises(UnreadableBody):
        received(tree)
    with pytest.raises(UnreadableBody):
        events_of(tree, HOW)


def test_trap_25_neither_the_handler_nor_an_event_id_names_a_webhook() -> None:
    tree = {"event": "ONOPENLINEMESSAGEADD", "event_handler_id": "77", "eventId": 5, "data": {}}

    assert received(tree).key == "webhook:0199"
    assert received(tree).sequence is None
    assert only(tree).key.startswith("import:")


def test_an_imported_webhook_has_the_same_key_again() -> None:
    tree = samples.tree("legacy/onimbotmessageadd.json")

    event = only(tree)

    digest = hmac.new(b"p" * 32, event.payload.encode(), "sha256").hexdigest()
    assert event.key == f"import:{digest}"
    assert only(parse_body(samples.sample("legacy/onimbotmessageadd.form"))) == event
    assert only(tree, portal_key=b"q" * 32).key != event.key
    assert only({**tree, "ts": "1"}).key != event.key


@pytest.mark.parametrize("said", [0, 7, "7", 2**63 - 1, str(2**63 - 1), "007"])
def test_an_event_id_is_a_number_that_both_engines_hold(said: Any) -> None:
    event = only({**ITEM, "eventId": said})

    assert event.sequence == int(said)
    assert event.key == f"fetch:{int(said)}"


@pytest.mark.parametrize(
    "said",
    [True, None, -1, "-1", 2**63, str(2**63), "9" * 5_000, 1.0, "", " 7", SEVEN, "²", [], {}],
)
def test_anything_else_is_no_event_id(said: Any) -> None:
    with pytest.raises(UnreadableBody, match="eventId is no id"):
        events_of({**ITEM, "eventId": said}, HOW)


@pytest.mark.parametrize(
    ("event_type", "data", "given_receiver", "receiver"),
    [
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": 931}}, "user:58", "bot:931"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": "940"}}, "app", "bot:940"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": 0}}, "app", "bot:0"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": -1}}, "app", "app"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": True}}, "user:58", "app"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": "9" * 20}}, "user:58", "app"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {"id": SEVEN}}, "user:58", "app"),
        ("ONIMBOTV2MESSAGEADD", {"bot": []}, "bot:3", "bot:3"),
        ("ONIMBOTV2MESSAGEADD", {"bot": {}}, "bot:3", "bot:3"),
        ("ONIMBOTV2MESSAGEADD", [], "user:58", "user:58"),
        ("ONIMV2MESSAGEADD", {"bot": {"id": 931}}, "user:58", "user:58"),
        ("ONIMV2MESSAGEADD", {"bot": {"id": 931}}, "bot:931", "app"),
        ("onimv2joinchat", {"bot": {"id": 931}}, "app", "app"),
        ("ONIMBOTMESSAGEADD", {"BOT": {"1000": {}, "912": {}}}, "app", "bot:912"),
        ("ONIMBOTMESSAGEADD", {"BOT": {"x": {}, "918": {}, "²": {}}}, "app", "bot:918"),
        ("ONIMBOTMESSAGEADD", {"BOT": {"x": {}}}, "user:1", "app"),
        ("ONIMBOTMESSAGEADD", {"BOT": {}}, "user:1", "user:1"),
        (
            "ONIMCOMMANDADD",
            {"COMMAND": {"44": {"BOT_ID": "2"}, "5": {"BOT_ID": "3"}}},
            "app",
            "bot:3",
        ),
        ("ONIMCOMMANDADD", {"COMMAND": {"5": "x"}}, "app", "app"),
        ("ONIMBOTDELETE", {"BOT_ID": "912", "BOT_CODE": "archivist"}, "app", "bot:912"),
        ("ONIMBOTJOINCHAT", {"BOT_ID": "912"}, "app", "app"),
        ("ONAPPINSTALL", {"VERSION": "1"}, "app", "app"),
    ],
)
def test_the_receiver_is_whom_the_event_names(
    event_type: str, data: Any, given_receiver: str, receiver: str
) -> None:
    item = {"eventId": 7, "type": event_type, "data": data}
    envelope = {"event": event_type, "data": data}

    assert only(item, receiver=given_receiver).receiver == receiver
    assert only(envelope, receiver=given_receiver).receiver == receiver


def test_trap_17_one_delivery_for_several_bots_is_one_event() -> None:
    tree = parse_body(samples.sample("legacy/onimbotmessageadd_two_bots.form"))

    assert list(tree["data"]["BOT"]) == ["912", "918"]
    assert only(tree).receiver == "bot:912"


def test_trap_36_token_less_payloads_are_read() -> None:
    tree = parse_body(samples.sample("legacy/onimbotmessageadd_openline_noauth.form"))

    assert "access_token" not in tree["auth"]
    assert received(tree).receiver.startswith("bot:")
    assert application_token(tree) == "FAKE_APPLICATION_TOKEN_0001"
    assert application_token({"data": {"bot": {"auth": {"application_token": "x"}}}}) is None
    assert application_token({"auth": {"application_token": 7}}) is None
    assert application_token({"auth": []}) is None


def test_trap_40_a_renamed_portal_is_the_same_portal() -> None:
    tree = samples.tree("legacy/onimbotmessageadd.json")
    tree["auth"]["domain"] = "renamed.bitrix24.example"

    check_portal(tree, MEMBER, "acme")

    assert member_id(tree) == MEMBER


@pytest.mark.parametrize("said", ["other", "é", "\ud800", 7, [], MEMBER.upper(), f"{MEMBER} "])
def test_another_portal_is_refused(said: Any) -> None:
    with pytest.raises(PortalMismatch, match="'acme'") as refusal:
        check_portal({"auth": {"member_id": said}}, MEMBER, "acme")

    assert refusal.value.portal == "acme"
    assert MEMBER not in str(refusal.value)


@pytest.mark.parametrize(
    "tree", [ITEM, [], None, {"auth": []}, {"auth": {}}, {"auth": {"member_id": ""}}]
)
def test_who_does_not_say_its_portal_passes(tree: Any) -> None:
    check_portal(tree, MEMBER, "acme")


NAMING: list[Any] = [
    {"member_id": "other"},
    {"auth": {"member_id": "other"}},
    {"data": {"BOT": {"912": {"member_id": "other"}}}},
    {"data": {"BOT": {"912": {"member_id": MEMBER}, "918": {"AUTH": {"member_id": "other"}}}}},
    {"data": {"BOT": [{"member_id": "other"}]}},
    {"data": {"COMMAND": {"31": {"member_id": "other"}}}},
    {"data": {"COMMAND": {"31": {"AUTH": {"member_id": "other"}}}}},
    {"data": {"bot": {"member_id": "other"}}},
    {"data": {"bot": {"auth": {"member_id": "other"}}}},
]


@pytest.mark.parametrize("naming", NAMING, ids=str)
def test_another_portal_is_refused_wherever_it_is_named(naming: Any) -> None:
    webhook_body = {"event": "X", "auth": {"member_id": MEMBER}, **naming}
    page = {"result": {"events": [ITEM, None, {**ITEM, **naming}]}}
    own = from_json(dump(page).replace("other", MEMBER))

    for tree in (webhook_body, {**ITEM, **naming}, page):
        with pytest.raises(PortalMismatch):
            check_portal(tree, MEMBER, "acme")

    check_portal(own, MEMBER, "acme")


def test_a_member_id_below_the_top_proves_nothing() -> None:
    assert member_id({"data": {"bot": {"auth": {"member_id": MEMBER}}}}) is None


@pytest.mark.parametrize("name", [*samples.JSON, *samples.FORMS])
def test_every_sample_is_its_own_portals(name: str) -> None:
    check_portal(parse_body(samples.sample(name)), MEMBER, "acme")


@given(st.recursive(st.none() | st.text(max_size=3), lambda below: st.lists(below, max_size=3)))
def test_odd_blocks_name_no_portal(odd: Any) -> None:
    elements = {"BOT": {"1": odd}, "COMMAND": odd, "bot": odd}
    for tree in ({"data": odd, "auth": odd, "result": odd}, {"data": elements}):
        check_portal(tree, MEMBER, "acme")
    check_portal({"result": {"events": odd}}, MEMBER, "acme")


@pytest.mark.parametrize("data", [None, "", [], "x", 7])
def test_trap_21_an_empty_container_may_come_as_anything(data: Any) -> None:
    assert received({"event": "ONOFFLINEEVENT", "data": data, "auth": data}).receiver == "app"
    assert only({**ITEM, "data": data}).receiver == "app"


def test_trap_41_ids_and_times_come_as_numbers_and_as_strings() -> None:
    data = {"event": "ONIMBOTV2DELETE", "data": {"bot": {"id": 940}}, "ts": 1_789_370_700}
    text = {"event": "ONIMBOTV2DELETE", "data": {"bot": {"id": "940"}}, "ts": "1789370700"}

    assert received(data)[:-1] == received(text)[:-1]
    assert received(data).sent_at == 1_789_370_700_000_000


@pytest.mark.parametrize(
    ("ts", "sent_at"),
    [
        (0, 0),
        ("-1", -1_000_000),
        (-62_135_596_800, -62_135_596_800_000_000),
        (-62_135_596_801, None),
        (253_402_300_799, 253_402_300_799_000_000),
        (253_402_300_800, None),
        *((nonsense, None) for nonsense in (True, None, "", " 1", "1.5", 1.5, "x", SEVEN)),
        ([], None),
        ("9" * 5_000, None),
    ],
)
def test_ts_is_seconds_of_a_year_that_exists(ts: Any, sent_at: int | None) -> None:
    assert received({"event": "X", "ts": ts}).sent_at == sent_at


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [
        ("1970-01-01T03:00:00+03:00", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("0001-01-01T00:00:00+00:00", -62_135_596_800_000_000),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59.999999+00:00", 253_402_300_799_999_999),
        ("9999-12-31T23:59:59-14:00", None),
        *((nonsense, None) for nonsense in ("1970-01-01T00:00:00", "x", "", 0, None, True)),
        ([], None),
    ],
)
def test_a_date_needs_its_offset(date: Any, sent_at: int | None) -> None:
    assert only({**ITEM, "date": date}).sent_at == sent_at


@pytest.mark.parametrize("text", ["app", "user:41", "bot:931", "bot:" + "9" * 19])
def test_a_receiver_is_a_user_or_a_bot_or_the_app(text: str) -> None:
    assert valid_receiver(text)


@pytest.mark.parametrize(
    "text",
    ["", "app\n", "user:", "user:41\n", "bot:x", f"bot:{SEVEN}", "bot:" + "9" * 20, "App", "x:1"],
)
def test_anything_else_is_no_receiver(text: str) -> None:
    assert not valid_receiver(text)


def test_two_readers_of_one_item_agree() -> None:
    item = samples.tree("imbot_v2/onimbotv2contextget.json")
    other = {**item, "data": {**item["data"], "bot": {"id": 940, "countMessage": 3}}}
    rotated = Fingerprints(b"r" * 32, 2)

    mine, theirs = only(item).payload, only(other, fingerprints=rotated).payload

    assert mine != theirs
    assert comparable(mine) == comparable(theirs)
    assert comparable(json.dumps(from_json(mine), sort_keys=True)) == comparable(mine)


@pytest.mark.parametrize("part", ["chat", "user", "language", "dialogId"])
def test_readers_of_different_items_do_not(part: str) -> None:
    item = samples.tree("imbot_v2/onimbotv2contextget.json")
    other = {**item, "data": {**item["data"], part: "other"}}

    assert comparable(only(item).payload) != comparable(only(other).payload)


@pytest.mark.parametrize(
    "payload", ["[]", "7", '{"data":[]}', '{"data":{"x":18446744073709551617}}']
)
def test_any_payload_is_comparable(payload: str) -> None:
    assert comparable(payload) == payload.encode()


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "type", "eventId", "date", "ts", "data", "auth", "bot"])
            | st.sampled_from(["id", "BOT", "COMMAND", "BOT_ID", "7", "result", "events"]),
            below,
            max_size=6,
        )
    ),
    max_leaves=10,
)


@given(trees)
def test_any_tree_gives_events_or_reasons(tree: Any) -> None:
    for body in (tree, {"event": "X", "data": tree, "auth": tree}, {**ITEM, "data": tree}):
        try:
            events = events_of(body, HOW)
        except UnreadableBody:
            continue
        for event in events:
            if isinstance(event, NewEvent):
                assert valid_receiver(event.receiver)
                assert comparable(event.payload)
