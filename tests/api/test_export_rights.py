"""Who may have what of an export: decided when it is ordered, and again when it is read."""

from typing import Any, NamedTuple

import pytest
from pydantic_core import from_json, to_json

from eventstore.directory import Limits
from eventstore.tokens import Tokens
from projections.export.names import TABLE_NAMES
from tests import samples
from tests.conftest import Reader
from tests.exports import EXPORT, PATH, Orderer
from tests.promises.server import JSON, NOW, SLUG


async def _token(orderer: Orderer, *scopes: str, **limits: Any) -> str:
    _, token = await Tokens(orderer.served.state.catalog).create(
        portals=[SLUG], scopes=scopes, now=NOW, limits=Limits(**limits)
    )
    return token


class Both(NamedTuple):
    """The same export for who may see everything, and for who may not."""

    server: Orderer
    whole: dict[str, bytes]
    shown: dict[str, bytes]
    export: Any


@pytest.fixture(scope="module")
async def both(scratch: Reader) -> Both:
    server = Orderer(scratch.served, scratch.tokens["everything"])
    await _tell(server, "CANARY-FIRST", "CANARY-LAST", "CANARY-DELETED")
    exporter = Orderer(scratch.served, scratch.tokens["exporter"])
    tables = [name for name in TABLE_NAMES if name != "events"]
    whole = await server.made(format="jsonl", tables=tables)
    shown = await exporter.made(format="jsonl")
    return Both(server, await server.files(whole), await exporter.files(shown), shown)


def test_who_may_not_see_what_was_taken_back_finds_it_in_no_byte(both: Both) -> None:
    folder = both.server.served.state.exporting.orders.folder / both.export["id"]
    stored = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]

    assert both.export["withheld"] == "scope"
    for content in (b"".join(both.shown.values()), b"".join(stored)):
        assert b"CANARY-LAST" in content
        assert [word for word in (b"CANARY-FIRST", b"CANARY-DELETED") if word in content] == []
    for word in (b"CANARY-FIRST", b"CANARY-DELETED", b"CANARY-LAST"):
        assert word in b"".join(both.whole.values())


def test_everything_else_is_as_it_is_for_everybody(both: Both) -> None:
    """Who may not see some texts gets the same rows, and all that is not withheld."""
    whole, shown = _rows(both.whole), _rows(both.shown)

    assert len(shown) == len(whole) > 30
    withheld = 0
    for mine, theirs in zip(whole, shown, strict=True):
        if theirs.get("withheld"):
            withheld += 1
            mine |= {"withheld": "scope", "text": None}
        if mine.get("reply_to"):
            mine["reply_to"]["text"] = None
        assert theirs == mine
    assert withheld > 2


def _rows(files: dict[str, bytes]) -> list[Any]:
    names = sorted(name for name in files if name.endswith(".jsonl"))
    return [from_json(line) for name in names for line in files[name].splitlines()]


async def _tell(orderer: Orderer, first: str, last: str, deleted: str) -> None:
    """Let a message be edited, another one deleted, and a third one quote that."""
    served = orderer.served
    for number, name, message, text in (
        (1, "im_v2/onimv2messageadd_private_own.json", 900_001, first),
        (2, "im_v2/onimv2messageupdate.json", 900_001, last),
        (3, "im_v2/onimv2messageadd_private_own.json", 900_002, deleted),
        (4, "im_v2/onimv2messagedelete.json", 900_002, ""),
    ):
        item = samples.tree(name) | {"eventId": 990_000 + number}
        if "message" in item["data"]:
            item["data"]["message"] |= {"id": message, "text": text}
        else:
            item["data"]["messageId"] = message
        assert (await served.feed(to_json(item))).status_code == 200
    reply = samples.tree("legacy/onimbotmessageadd_reply_file.json")
    told = reply["data"]["PARAMS"]
    told |= {"MESSAGE_ID": "900003", "REPLY_MESSAGE": {"ID": "900002", "MESSAGE": deleted}}
    assert (await served.hook(to_json(reply), JSON)).status_code == 200
    await served.state.live.catch_up()


async def test_who_sees_less_now_finds_no_export_that_has_more(orderer: Orderer) -> None:
    served = orderer.served
    withheld = await Orderer(served, await _token(orderer, "export")).made(tables=["chats"])
    payloads = await orderer.made(tables=["events"])
    paths = ["", "/manifest.json", "/complete.json", "/parts/x"]

    async def finds(token: str) -> set[str]:
        asker = Orderer(served, token)
        listed = {each["id"] for each in (await asker.ask("GET", "")).json()["data"]}
        for export in (EXPORT, withheld["id"], payloads["id"]):
            answers = [await asker.ask("GET", f"/{export}{path}") for path in paths]
            answers += [] if export in listed else [await asker.ask("DELETE", f"/{export}")]
            statuses = [each.status_code for each in answers]
            assert statuses == ([200, 200, 200, 404] if export in listed else [404] * 5)
        return listed

    everything = {EXPORT, withheld["id"], payloads["id"]}
    assert await finds(await _token(orderer, "export", "messages:read.deleted")) == everything - {
        payloads["id"]
    }
    assert await finds(await _token(orderer, "export", "events:read")) == set()
    assert await finds(await _token(orderer, "export")) == set()
    scopes = ("export", "events:read", "messages:read.deleted")
    assert await finds(await _token(orderer, *scopes)) == everything


@pytest.mark.parametrize(
    ("scopes", "asked", "scope"),
    [
        (["messages:read", "messages:read.deleted"], {}, "export"),
        (["export"], {"tables": ["events"]}, "events:read"),
        (["export", "events:read"], {"tables": ["events"]}, "messages:read.deleted"),
        (["export"], {"as_of": "2026-09-14T08:00:00Z"}, "messages:read.deleted"),
    ],
)
async def test_a_scope_that_is_missing_is_named(
    someone: Orderer, scopes: list[str], asked: dict[str, Any], scope: str
) -> None:
    answer = await Orderer(someone.served, await _token(someone, *scopes)).ask(
        "POST", "", body=asked
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert answer.json()["scope"] == scope


ROUTES = [
    ("POST", ""),
    ("DELETE", f"/{EXPORT}"),
    ("GET", f"/{EXPORT}/manifest.json"),
    ("GET", f"/{EXPORT}/complete.json"),
    ("GET", f"/{EXPORT}/parts/{PATH}"),
]
"""What is no resource that reads: those are asked by the tests of all of them."""


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_who_may_not_ask_is_told_so_and_no_more(
    reader: Reader, method: str, path: str
) -> None:
    async def said(token: str) -> tuple[int, str, bytes]:
        answer = await Orderer(reader.served, token).ask(method, f"{path}?nonsense=1")
        return answer.status_code, answer.json()["code"], answer.content

    narrowed = await _token(Orderer(reader.served, ""), "export", chats=frozenset({2207}))

    assert (await said(reader.tokens["everything"]))[:2] == (400, "unknown_parameter")
    assert (await said(reader.tokens["messages"]))[:2] == (403, "scope_missing")
    assert (await said(narrowed))[:2] == (403, "token_narrowed")
    assert (await said(reader.tokens["expired"]))[:2] == (401, "token_expired")
    assert (await said(reader.tokens["revoked"]))[:2] == (401, "token_unknown")
    assert (await said(reader.tokens["other"]))[:2] == (404, "not_found")
    assert await said(reader.tokens["other"]) == await said(reader.tokens["nowhere"])
