"""No secret survives, and nothing else is touched."""

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from eventstore.body import parse_body
from eventstore.errors import TooLarge, UnreadableBody
from eventstore.redaction import MARKER, Fingerprints, dump, redact
from tests import samples

CANARY = "Canary0123456789.canary-tweet"
FINGERPRINTS = Fingerprints(b"k" * 32)
MARK = FINGERPRINTS.fingerprint(CANARY)

SECRET_KEYS = [
    *["access_token", "refresh_token", "application_token", "client_id", "client_secret"],
    *["ACCESS_TOKEN", "Access_Token", "accessToken", "refreshToken", "clientId"],
    *["appId", "app_id", "botToken", "bot_token", "AI_ASSISTANT_MCP_AUTH_ID", "_esd"],
    *["AUTH_ID", "REFRESH_ID", "APP_SID", "app_token", "secret", "api_key", "apiKey"],
    *["signature", "sessid", "password", "auth", "token", "AUTH", "TOKEN"],
    *["urlDownload", "urlShow", "urlPreview", "urlMachine", "downloadUrl"],
    *["auth[access_token]", "data[BOT][912][client_id]", "auth[refresh_token"],
]

SECRET_PLACES: list[Any] = [
    *({key: CANARY} for key in SECRET_KEYS),
    {"access_token": [CANARY, {"x": {"y": CANARY}}]},
    {"password": {"x": [[CANARY]]}},
    {"auth": {"unknown": CANARY}},
    {"auth": {"domain": f"https://acme.example/?token={CANARY}"}},
    {"AUTH": [CANARY]},
    {"token": [CANARY]},
    {"BOT": {"912": {"unknown": CANARY, "AUTH": {"other": {"deep": [CANARY]}}}}},
    {"COMMAND": {"31": {"access_token": CANARY, "unknown": CANARY}}},
    {"bot": {"id": 940, "auth": {"refresh_token": CANARY, "unknown": CANARY}}},
    {"bot": {"appId": f"custom{CANARY}"}},
    {"BOT": f'{{"912": {{"unknown": "{CANARY}"}}}}'},
    {"data": {"context": {"pairCode": CANARY, "deep": [{"x": CANARY}]}}},
    {"data": {"context": CANARY}},
    {"data": {"CONTEXT": [CANARY]}},
    {"data": f'{{"context": {{"pairCode": "{CANARY}"}}}}'},
    {"mediaUrl": {"preview": CANARY, "deep": [CANARY]}},
    {"viewerAttrs": {"src": CANARY, "title": "a.pdf"}},
    {"avatar": f"https://acme.example/a.png?x=1&_esd={CANARY}"},
    {"avatar": f"/upload/a.png?SIGNATURE={CANARY}#top"},
    {"avatar": f"//acme.example/a.png?token={CANARY}"},
    {"website": f"see http://acme.example/?auth[access_token]={CANARY}&y=2"},
    {"website": f"https://acme.example/#access_token={CANARY}"},
    {"website": f"https://acme.example/?a=1&amp;client_id={CANARY}"},
    {"url": f"https://acme.example/rest/41/{CANARY}/im.message.add.json?MESSAGE=x"},
    {"url": f"https://acme.example/rest/api/41/{CANARY}/im.message.add"},
    {"url": f"/rest/41/{CANARY}?x=1"},
    {"url": f"/rest/41/{CANARY}/"},
    {"url": f"/rest/41/{CANARY}"},
    {"url": f"acme.example/rest/41/{CANARY}/im.message.add"},
    {"url": f"acme.example/rest/im.message.add?auth={CANARY}"},
    {"url": f"see acme.example/rest/api/41/{CANARY}/ or so"},
    *({"url": f"https://a.example/?{name}={CANARY}"} for name in ("code", "sessid", "botToken")),
    *({"url": f"https://a.example/?{name}={CANARY}"} for name in ("AUTH_ID", "APP_SID", "api_key")),
    {"query": f"access_token={CANARY}"},
    {"query": f"a=1&access_token={CANARY}"},
    {"query": f"a=1&auth[refresh_token]={CANARY}&b=2 3"},
    {"query": f"auth%5Baccess_token%5D={CANARY}"},
    {"query": f"?AUTH_ID={CANARY}"},
    {"query": f"#access_token={CANARY}"},
    {"url": f"https://user:{CANARY}@acme.example/"},
    {"url": f"ftp://:{CANARY}:x@y@acme.example:21/a?b=c"},
    {"header": f"Bearer {CANARY}"},
    {"header": f"bearer {CANARY}"},
    [f"Bearer {CANARY}"],
    {"settings": f'{{"auth": "{CANARY}", "x": 1}}'},
    {"settings": {"params": f'{{"auth": "{CANARY}"}}'}},
    {"settings": f' [{{"ACCESS_TOKEN": "{CANARY}"}}]'},
    {"settings": to_json({"again": to_json({"botToken": CANARY}).decode()}).decode()},
    {"settings": to_json({"url": f"https://a.example/?token={CANARY}"}).decode()},
    [f"https://a.example/?token={CANARY}"],
]

WRITTEN = [
    "text",
    "MESSAGE",
    "MESSAGE_ORIGINAL",
    "message",
    "name",
    "title",
    "CHAT_TITLE",
    "description",
    "COMMAND_PARAMS",
]

PROSE = [
    f"look: https://a.example/rest/1/{CANARY}/x?token={CANARY}&code={CANARY}",
    f'{{"access_token": "{CANARY}"}}',
    f'[{{"auth": "{CANARY}"}}]',
    "/plan?token=1",
    CANARY,
]

CONTAINERS = ["data", "context", "BOT", "COMMAND", "bot", "command", "viewerAttrs", "mediaUrl"]

keys = st.sampled_from([*SECRET_KEYS, *WRITTEN, *CONTAINERS, "params", "src", "domain", "x", ""])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from([CANARY, MARK, f'{{"auth": "{CANARY}"}}', *PROSE])
)
trees = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=5),
    max_leaves=20,
)


def wrapped(secret: Any) -> Iterator[Any]:
    """The same secret in other places."""
    yield secret
    yield {"data": {"PARAMS": {"PARAMS": [{"x": secret}]}}}
    yield {"event": "ONAPPTEST", "data": [secret, [secret]]}
    yield {"data": {"message": {"params": secret}, "command": secret}}
    yield {"message": secret, "text": [secret]} if isinstance(secret, dict) else secret
    deep = secret
    for level in range(150):
        deep = {"x": deep} if level % 2 else [deep]
    yield deep


@pytest.mark.parametrize("place", SECRET_PLACES, ids=lambda place: str(place)[:60])
def test_no_secret_survives(place: Any) -> None:
    for tree in wrapped(place):
        assert CANARY in str(tree)

        payload = dump(redact(tree, FINGERPRINTS))

        assert CANARY not in payload
        assert MARKER.search(payload)


@pytest.mark.parametrize("name", [*samples.WEBHOOKS, *samples.ITEMS, *samples.FORMS])
def test_no_secret_of_a_sample_survives(name: str) -> None:
    body = samples.sample(name)

    payload = dump(redact(parse_body(body), FINGERPRINTS))

    assert "FAKE_" not in payload.replace("FAKE_RELATION", "")
    assert "app.fake" not in payload
    assert "pairCode" not in body.decode() or "pairCode" in payload  # key names stay


@pytest.mark.parametrize("name", samples.FORMS)
def test_a_form_whose_brackets_were_lost_keeps_no_secret_either(name: str) -> None:
    payload = dump(redact(parse_body(samples.sample(name).replace(b"%5D=", b"=")), FINGERPRINTS))

    assert "FAKE_ACCESS" not in payload
    assert "FAKE_APPLICATION" not in payload


@pytest.mark.parametrize("prose", PROSE)
def test_what_a_person_wrote_is_never_altered(prose: str) -> None:
    tree: dict[str, Any] = {
        "event": "ONIMCOMMANDADD",
        "data": {
            "PARAMS": {
                **dict.fromkeys(WRITTEN, prose),
                "text": [prose, prose],
                "REPLY_MESSAGE": {"ID": "7", "AUTHOR_ID": "41", "MESSAGE": prose},
                "PARAMS": {"ATTACH": [{"BLOCKS": [{"MESSAGE": prose}]}]},
            },
            "COMMAND": {"31": {"COMMAND": "plan", "COMMAND_PARAMS": prose}},
            "command": {"id": 31, "command": "/plan", "params": prose, "context": prose},
            "message": {"text": prose, "replaces": [{"text": prose}]},
        },
    }
    sent = copy.deepcopy(tree)
    del sent["data"]["command"]["context"]

    clean = redact(tree, FINGERPRINTS)

    del clean["data"]["command"]["context"]
    assert clean == sent


@pytest.mark.parametrize("name", samples.ITEMS)
def test_of_a_queue_item_only_the_context_is_secret(name: str) -> None:
    item = samples.tree(name)

    clean = redact(item, FINGERPRINTS)

    for said in (item, clean):
        said["data"].pop("context", None)
    assert clean == item


def test_context_is_a_secret_only_below_data() -> None:
    context = {"a": "b", "n": 7, "flag": True}
    elsewhere = {"context": "menu", "x": {"context": context}}

    clean = redact({"data": {"context": context, "command": elsewhere}}, FINGERPRINTS)

    mark = FINGERPRINTS.fingerprint
    hidden = {"a": mark("b"), "n": mark("7"), "flag": True}
    assert clean == {"data": {"context": hidden, "command": elsewhere}}


def test_a_name_that_is_a_secret_in_one_place_is_harmless_in_others() -> None:
    tree = {"image": {"src": "a.png"}, "token": {"id": "7"}, "bot": True, "src": "b"}

    assert redact(tree, FINGERPRINTS) == tree


def test_nothing_where_a_secret_could_be_stays_nothing() -> None:
    tree = {"access_token": "", "auth": None, "token": False, "password": [None, "", True]}

    assert redact(tree, FINGERPRINTS) == tree


def test_a_number_is_marked_as_its_decimal_text() -> None:
    clean = redact({"token": 123, "auth": 2**70, "password": [1.5]}, FINGERPRINTS)

    mark = FINGERPRINTS.fingerprint
    assert clean == {"token": mark("123"), "auth": mark(str(2**70)), "password": [mark("1.5")]}


def test_known_harmless_keys_of_a_token_block_stay() -> None:
    long = "x" * 40
    block = {
        **dict.fromkeys(["member_id", "domain", "user_id", "scope", "status", "BOT_CODE"], long),
        **dict.fromkeys(["COMMAND", "COMMAND_PARAMS", "MESSAGE_ID", "client_endpoint"], long),
        "unknown": "x" * 19,
        "sentence": "a sentence that is no token",
    }
    tree = {"auth": block, "data": {"BOT": {"912": block}, "COMMAND": {"31": block}}}

    assert redact(tree, FINGERPRINTS) == tree


def test_only_the_secret_of_a_url_is_replaced() -> None:
    tree = {
        "a": f"https://a.example/rest/41/{CANARY}/x?y=1&token={CANARY}&z=2#end",
        "b": "https://a.example/rest/im.message.add?tokens=1&page=token",
        "c": "/a/b?c=d",
        "d": "code=7 and token=8",
        "e": "or/what?code=7",
        "f": "https://acme.example:8080/a@b?c=d:e@f",
        "g": "Bearer ",
        "h": "a token=7",
        "i": "https://acme.example/rest/",
    }

    clean = redact(tree, FINGERPRINTS)

    assert clean == {**tree, "a": f"https://a.example/rest/41/{MARK}/x?y=1&token={MARK}&z=2#end"}


def test_json_in_a_string_is_spelled_anew_only_for_a_secret() -> None:
    plain = '{ "x" : [1.50] }'

    clean = redact({"a": plain, "b": f'{{ "x": 1.50, "token": "{CANARY}" }}'}, FINGERPRINTS)

    assert clean == {"a": plain, "b": f'{{"x":1.5,"token":"{MARK}"}}'}


@given(
    st.lists(
        st.sampled_from(
            [
                *["://", "/", "rest/", "7/", "@", ":", "?", "&", "=", "#", ";", "[", "]", '"'],
                *[" ", "x", "token", "Bearer ", CANARY],
            ]
        ),
        max_size=14,
    ).map("".join)
)
def test_redacting_any_url_twice_changes_nothing(url: str) -> None:
    once = redact({"x": url}, FINGERPRINTS)

    assert redact(once, FINGERPRINTS) == once


@given(trees)
def test_redacting_twice_changes_nothing(tree: Any) -> None:
    sent = copy.deepcopy(tree)

    once = redact(tree, FINGERPRINTS)

    assert redact(once, FINGERPRINTS) == once
    assert redact(from_json(dump(once)), FINGERPRINTS) == from_json(dump(once))
    assert tree == sent  # it is needed for its token


def test_what_has_no_secret_is_given_as_it_is() -> None:
    plain = {"data": {"command": {"params": "x"}, "to": [{"id": 1}, ["https://a.example"], 1.5]}}

    assert redact(plain, FINGERPRINTS) is plain
    clean = redact({"auth": {"access_token": CANARY}, **plain}, FINGERPRINTS)
    assert clean == {"auth": {"access_token": MARK}, **plain}
    assert clean["data"] is plain["data"]


@given(trees)
def test_the_shape_stays(tree: Any) -> None:
    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: shape(below) for key, below in node.items()}
        return [shape(below) for below in node] if isinstance(node, list) else None

    assert shape(redact(tree, FINGERPRINTS)) == shape(tree)


def test_a_fingerprint_answers_whether_it_is_the_same_secret() -> None:
    assert MARKER.fullmatch(MARK)
    assert Fingerprints(b"k" * 32).fingerprint(CANARY) == MARK
    assert Fingerprints(b"l" * 32).fingerprint(CANARY) != MARK
    assert Fingerprints(b"k" * 32, 2).fingerprint(CANARY) == MARK.replace(":1:", ":2:")
    assert FINGERPRINTS.fingerprint(f"{CANARY}.") != MARK
    assert FINGERPRINTS.fingerprint(MARK) == MARK
    assert FINGERPRINTS.fingerprint(f"{MARK}\n") != f"{MARK}\n"
    assert MARKER.fullmatch(FINGERPRINTS.fingerprint("\ud800"))
    assert FINGERPRINTS.fingerprint("x" * 10_000) == FINGERPRINTS.fingerprint("x" * 10_000)


def test_the_bytes_of_a_marker_are_for_ever() -> None:
    assert MARK == "redacted:1:ca9b9cc27b4f79d997f69945a79f6870"


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
@pytest.mark.parametrize("tree", ['{{"a": {}}}', "[[{}]]", '{{"password": {}}}', "{}"])
def test_a_number_beyond_all_bounds_is_refused(tree: str, number: str) -> None:
    with pytest.raises(UnreadableBody, match="beyond all bounds"):
        redact(from_json(tree.format(number)), FINGERPRINTS)


def test_long_integers_stay_exact() -> None:
    assert dump(redact({"a": 2**64 + 1}, FINGERPRINTS)) == '{"a":18446744073709551617}'


@pytest.mark.parametrize("tree", [{"a": "\ud800"}, {"\ud800": 1}])
def test_a_lone_surrogate_is_refused_when_it_is_spelled(tree: Any) -> None:
    with pytest.raises(UnreadableBody) as refusal:
        dump(redact(tree, FINGERPRINTS))

    assert "ud800" not in str(refusal.value)


def test_a_nul_is_spelled_so_that_every_engine_takes_it() -> None:
    assert dump(redact({"a": "\0"}, FINGERPRINTS)) == '{"a":"\\u0000"}'


def test_nesting_that_no_json_reader_gives_is_refused() -> None:
    deep: Any = CANARY
    for _ in range(5_000):
        deep = [deep]

    with pytest.raises(TooLarge):
        redact(deep, FINGERPRINTS)


@pytest.mark.parametrize(
    "piece",
    [
        "?",
        "&",
        "?token",
        "[",
        "?token=&",
        "://",
        "%5B",
        "/rest/",
        ";",
        ";[",
        '"',
        ":",
        "@",
        "://:",
        "=",
    ],
)
def test_a_long_string_takes_linear_time(piece: str) -> None:
    text = "https://" + piece * (1_000_000 // len(piece))

    started = time.process_time()

    clean = redact({"a": text, "b": f"[{text}"}, FINGERPRINTS)

    assert clean["a"] == text
    assert time.process_time() - started < 20  # what is not bounded takes minutes
