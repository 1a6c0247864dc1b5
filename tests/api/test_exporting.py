"""Exports are made in the background, whatever happens meanwhile: none looks done that is not."""

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from api import exporting
from eventstore.lock import hold
from projections.errors import TargetUnusable
from projections.export.names import COMPLETE, MANIFEST
from projections.export.orders import Orders
from tests import samples
from tests.conftest import Filled
from tests.exports import EXPORT, Orderer, make, makers, reserved, until
from tests.promises.server import deliver, serving_again


@pytest.mark.parametrize("when", ["its process starts", "it is killed"])
async def test_an_export_whose_process_ends_is_given_up(
    orderer: Orderer, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    if when == "its process starts":
        monkeypatch.setattr(exporting, "_work", _vanish)
    ordered = await orderer.ordered()
    if when == "it is killed":
        await until(lambda: makers() != [])
        makers()[0].kill()

    ended = await orderer.ended(ordered)
    metrics = (await orderer.served.client.get("/metrics")).text

    assert (ended["state"], ended["failure"]["code"]) == ("failed", "process_ended")
    assert (ended["parts"], ended["complete_url"]) == (None, None)
    assert 'chronicle_exports_failed_total{portal="acme"} 1.0' in metrics
    orders = orderer.served.state.exporting.orders
    assert not (orders.folder / ended["id"] / "files").exists()


def _vanish(*_: Any) -> None:
    os._exit(1)


async def test_a_folder_that_takes_nothing_more_is_told_of(orderer: Orderer) -> None:
    orders = orderer.served.state.exporting.orders
    order = reserved(orderer.served, format="csv", tables=("chats", "users"))
    with pytest.raises(_CutOffError):
        await make(orderer.served, order, _cut_off)
    users = orders.files(order) / "table=users"
    shutil.rmtree(users, ignore_errors=True)
    users.write_bytes(b"no folder")  # not even root writes there
    orders.place(order)
    orderer.served.state.exporting.ordered.set()

    ended = await orderer.ended({"url": f"/v1/portals/acme/exports/{order.number}"})

    assert (ended["state"], ended["failure"]["code"]) == ("failed", "target_unusable")
    assert "does not take it" in ended["failure"]["detail"]
    assert not orders.files(order).exists()  # or there would be no room for the next one either
    assert os.fspath(orders.folder) not in str(ended)


async def test_what_was_begun_otherwise_is_not_gone_on_with(orderer: Orderer) -> None:
    """As after an upgrade: its files would not be of one piece."""
    orders = orderer.served.state.exporting.orders
    order = reserved(orderer.served, format="csv", tables=("chats", "users"))
    with pytest.raises(_CutOffError):
        await make(orderer.served, order, _cut_off)
    manifest = orders.files(order) / MANIFEST
    said = from_json(manifest.read_bytes()) | {"fingerprint": "of-another-version"}
    manifest.write_bytes(to_json(said))
    orders.place(order)
    orderer.served.state.exporting.ordered.set()

    ended = await orderer.ended({"url": f"/v1/portals/acme/exports/{order.number}"})

    assert (ended["state"], ended["failure"]["code"]) == ("failed", "cannot_go_on")
    assert "another version" in ended["failure"]["detail"]


async def test_a_failure_that_cannot_be_written_down_is_still_told(
    orderer: Orderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise TargetUnusable("somewhere", "No space left on device")

    monkeypatch.setattr(exporting, "_work", _vanish)
    monkeypatch.setattr(Orders, "fail", refuse)
    ordered = await orderer.ordered()

    ended = await orderer.ended(ordered)

    assert ended["failure"]["code"] == "process_ended"
    assert (await orderer.ask("POST", "", body={})).status_code == 202  # it does not wait


async def test_without_a_folder_nothing_is_ordered_and_all_else_goes_on(
    filled: Filled, tmp_path: Path
) -> None:
    (tmp_path / "exports").write_bytes(b"no folder")
    async with (
        filled.copied(tmp_path) as store,
        serving_again(
            replace(filled.registered, store=store), exports=tmp_path / "exports"
        ) as served,
    ):
        await served.state.live.catch_up()
        orderer = Orderer(served, filled.tokens["everything"])
        answers = [
            await orderer.ask("POST", "", body={}),
            await orderer.ask("GET", ""),
            await orderer.ask("GET", f"/{EXPORT}"),
        ]
        others = [
            await orderer.ask("GET", "/v1/portals/acme/chats"),
            await served.client.get("/metrics"),
        ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {
        (503, "exports_unavailable")
    }
    assert os.fspath(tmp_path) not in "".join(each.text for each in answers)
    assert {each.status_code for each in others} == {200}


async def test_a_server_that_starts_goes_on_with_what_another_one_has_left(
    filled: Filled, tmp_path: Path
) -> None:
    """It is what was begun: the position stays, though more was told since, and so do its files."""
    folder = tmp_path / "exports"
    async with filled.copied(tmp_path) as store:
        registered = replace(filled.registered, store=store)
        async with serving_again(registered, exports=folder) as served:
            await served.state.live.catch_up()
            order = reserved(served, format="jsonl", tables=("messages", "chats", "users"))
            with pytest.raises(_CutOffError):
                await make(served, order, _cut_off)
            served.state.exporting.orders.place(order)
            begun = _stored(folder)
            await deliver(served, samples.ITEMS[0])
        async with serving_again(registered, exports=folder) as served:
            await served.state.live.catch_up()
            head = served.state.live.projected(served.portal.id)
            orderer = Orderer(served, filled.tokens["everything"])
            done = await orderer.ended({"url": f"/v1/portals/acme/exports/{order.number}"})
            files = await orderer.files(done)
        finished = _stored(folder)

    assert any("table=messages" in name for name in begun)
    assert not any(name.endswith(COMPLETE) for name in begun)
    assert done["state"] == "done"
    assert done["position"] <= head
    assert {part["table"] for part in done["parts"]} == {"messages", "chats", "users"}
    for name, content in begun.items():
        if "table=" in name or name.endswith(MANIFEST):
            assert finished[name] == content
    assert all(
        finished[f"{order.number}/files/{name}"] == files[name] for name in files if "/" in name
    )


class _CutOffError(Exception):
    """The process ends here."""


def _cut_off(*_: Any) -> None:
    raise _CutOffError


def _stored(folder: Path) -> dict[str, bytes]:
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


async def test_what_another_server_makes_is_left_to_it(orderer: Orderer) -> None:
    running = orderer.served.state.exporting
    order = reserved(orderer.served, format="csv", tables=("chats",))
    with hold(running.orders.folder / str(order.number) / "lock"):
        running.orders.place(order)
        running.ordered.set()
        await until(lambda: not running.ordered.is_set())
        await asyncio.sleep(0.5)  # it asks for the lock for 0.3 s

        state = (await orderer.ask("GET", f"/{order.number}")).json()["data"]["state"]
        assert (state, running.running, makers()) == ("running", None, [])
    running.ordered.set()
    ended = await orderer.ended({"url": f"/v1/portals/acme/exports/{order.number}"})

    assert ended["state"] == "done"


async def test_what_is_over_is_kept_for_a_while(
    orderer: Orderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_SWEEP", 0.0)
    running = orderer.served.state.exporting
    export = (await orderer.ask("GET", f"/{EXPORT}")).json()["data"]
    running.keep = 60.0
    running.ordered.set()
    await asyncio.sleep(0.2)
    kept = (await orderer.ask("GET", f"/{EXPORT}")).json()["data"]

    running.keep = 0.0
    running.ordered.set()
    await until(lambda: not running.orders.all())

    assert export["kept_until"] > export["ended_at"]
    assert kept["id"] == EXPORT
    assert (await orderer.ask("GET", f"/{EXPORT}")).status_code == 404


def test_a_server_starts_without_arrow() -> None:
    """It takes long to load, and much memory: only the process that makes an export does."""
    said = "import sys, scripts.serve; print(sorted({'pyarrow', 'duckdb'} & sys.modules.keys()))"

    found = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True, text=True)

    assert found.stdout == "[]\n"
