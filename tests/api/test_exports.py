"""Exports over HTTP: ordered, made in the background, fetched, removed."""

import asyncio
import codecs
import csv
import hashlib
import io
import time
from typing import Any

import pytest
from pydantic_core import from_json

from api import exporting
from api.exports import MOST_WAITING
from eventstore.errors import StoreUnavailable
from projections.export.names import TABLE_NAMES
from projections.export.orders import Failure
from tests.exports import EXPORT, PATH, Orderer, makers, until
from tests.promises.server import SLUG


@pytest.fixture
async def unhurried(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let exports be made, as far as anybody sees, until this is set; then they are given up."""
    go_on = asyncio.Event()

    async def attempt(*_: Any) -> Failure:
        await go_on.wait()
        return Failure(code="process_ended", detail="It was a test.")

    monkeypatch.setattr(exporting, "_attempt", attempt)
    return go_on


async def entries(orderer: Orderer, route: str) -> list[Any]:
    """Return what the access log says of a route, without what others did before."""
    answer = await orderer.ask("GET", f"/v1/portals/{SLUG}/access?limit=500")
    return [each for each in answer.json()["data"] if each["route"].endswith(route)]


async def test_an_export_is_ordered_made_fetched_and_removed(orderer: Orderer) -> None:
    ordered = await orderer.ordered(format="jsonl")
    done = await orderer.ended(ordered)
    files = await orderer.files(done)

    assert ordered["state"] in {"waiting", "running"}
    assert (ordered["position"], ordered["parts"]) == (None, None)
    assert (done["state"], done["withheld"], done["failure"]) == ("done", None, None)
    assert done["asked"]["tables"] == list(TABLE_NAMES)
    assert done["progress"]["pieces"] == done["progress"]["of"] > 0
    manifest, complete = (from_json(files[name]) for name in ("manifest", "complete"))
    assert done["position"] == manifest["position"] == complete["position"] > 0
    assert done["progress"]["rows"] == sum(complete["rows"].values())
    assert {part["table"] for part in done["parts"]} == set(TABLE_NAMES)
    for part in done["parts"]:
        content = files[part["path"]]
        assert hashlib.sha256(content).hexdigest() == part["sha256"]
        assert (len(content), content.count(b"\n")) == (part["bytes"], part["rows"])

    removed = await orderer.ask("DELETE", done["url"])
    after = await orderer.ask("GET", done["url"])
    part = await orderer.ask("GET", done["parts"][0]["url"])

    assert (removed.status_code, removed.content) == (204, b"")
    assert (after.status_code, part.status_code) == (404, 404)
    orders = orderer.served.state.exporting.orders
    assert [path.name for path in orders.folder.iterdir()] == [EXPORT]


async def test_who_orders_fetches_and_removes_is_in_the_access_log(orderer: Orderer) -> None:
    done = await orderer.made(format="csv", tables=["chats"], chats=["2207"])
    url = done["parts"][0]["url"]
    fetched = await orderer.ask("GET", url, headers={"Range": "bytes=1-"})
    again = await orderer.ask("HEAD", url)
    await orderer.ask("GET", done["manifest_url"])
    await orderer.ask("DELETE", done["url"])

    (ordered,) = await entries(orderer, "/exports")
    whole, part = await entries(orderer, "/parts/{path}")
    (manifest,) = await entries(orderer, "/manifest.json")
    *_, removed = await entries(orderer, "/exports/{export}")
    assert (ordered["kind"], ordered["status"], removed["kind"]) == (
        "export_ordered",
        202,
        "export_removed",
    )
    assert ordered["filters"] == {"format": "csv", "tables": ["chats"], "chats": [2207]}
    assert {each["ids"]["export"] for each in (ordered, whole, part, manifest, removed)} == {
        done["id"]
    }
    assert (whole["status"], part["status"]) == (206, 200)
    assert (whole["request_id"], part["request_id"]) == (
        fetched.headers["X-Request-Id"],
        again.headers["X-Request-Id"],
    )
    assert whole["filters"] == {"path": done["parts"][0]["path"]}
    assert (whole["answered_position"], whole["count"]) == (done["position"], 1)


async def test_an_export_is_of_what_was_asked_for(orderer: Orderer) -> None:
    asked = {
        "format": "csv",
        "tables": ["messages", "changes"],
        "from_position": 2,
        "as_of": "2026-09-14T08:00:00.000000Z",
        "chats": ["2207"],
        "since": "2026-09-14T07:00:00.000000Z",
        "until": "2026-09-14T07:30:00.000000Z",
        "formula_guard": False,
        "byte_order_mark": True,
    }

    done = await orderer.made(**asked)
    files = await orderer.files(done)

    assert done["asked"] == asked
    wanted = from_json(files["manifest"])["wanted"]
    assert {name for name, value in wanted.items() if value is None or value is False} == {
        "formula_guard",
        "withhold",
    }
    for part in done["parts"]:
        lines = list(csv.DictReader(io.StringIO(files[part["path"]].decode("utf-8-sig"))))
        assert files[part["path"]].startswith(codecs.BOM_UTF8)
        assert {line["chat_id"] for line in lines} == {"2207"}
        assert {line["op"] for line in lines} <= {"upsert", "delete"}


async def test_what_cannot_be_recorded_is_neither_ordered_nor_removed(
    orderer: Orderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("a test")

    state = orderer.served.state
    monkeypatch.setattr(state.access_log._gathering, "append", refuse)  # noqa: SLF001

    answers = [
        await orderer.ask("POST", "", body={}),
        await orderer.ask("DELETE", f"/{EXPORT}"),
        await orderer.ask("GET", f"/{EXPORT}/parts/{PATH}"),
        await orderer.ask("GET", f"/{EXPORT}/complete.json"),
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (503, "access_log_unavailable")
    }
    assert [str(each.number) for each in state.exporting.orders.all()] == [EXPORT]
    assert [path.name for path in state.exporting.orders.folder.iterdir()] == [EXPORT]


async def test_the_list_has_the_newest_first_and_is_walked(
    orderer: Orderer, unhurried: asyncio.Event
) -> None:
    ordered = [(await orderer.ordered())["id"] for _ in range(MOST_WAITING)]
    pages, cursor = [], ""
    while True:
        page = (await orderer.ask("GET", f"?limit=2{cursor}")).json()
        pages.append([each["id"] for each in page["data"]])
        if page["page"]["next"] is None:
            break
        cursor = f"&cursor={page['page']['next']}"

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == [*ordered[::-1], EXPORT]


async def test_one_is_made_at_a_time_and_few_may_wait(
    orderer: Orderer, unhurried: asyncio.Event
) -> None:
    first, *others = [await orderer.ordered() for _ in range(MOST_WAITING)]
    await until(lambda: orderer.served.state.exporting.running is not None)

    refused = await orderer.ask("POST", "", body={})
    metrics = (await orderer.served.client.get("/metrics")).text
    states = [(await orderer.ask("GET", each["url"])).json()["data"] for each in (first, *others)]

    assert (refused.status_code, refused.json()["code"]) == (429, "exports_waiting")
    assert [each["state"] for each in states] == ["running", *["waiting"] * (MOST_WAITING - 1)]
    assert 'chronicle_exports{state="running"} 1.0' in metrics
    assert 'chronicle_exports{state="waiting"} 3.0' in metrics
    unhurried.set()
    ended = [await orderer.ended(each) for each in (first, *others)]
    assert {each["failure"]["code"] for each in ended} == {"process_ended"}
    assert (await orderer.ask("POST", "", body={})).status_code == 202


async def test_an_export_that_is_made_is_cancelled(
    orderer: Orderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_work", _go_on_for_ever)
    ordered = await orderer.ordered()
    await until(lambda: makers() != [])

    answer = await orderer.ask("DELETE", ordered["url"])
    exporting_ = orderer.served.state.exporting
    await until(lambda: exporting_.running is None)

    assert answer.status_code == 204
    assert (await orderer.ask("GET", ordered["url"])).status_code == 404
    assert makers() == []
    assert [path.name for path in exporting_.orders.folder.iterdir()] == [EXPORT]


def _go_on_for_ever(*_: Any) -> None:
    time.sleep(3_600)
