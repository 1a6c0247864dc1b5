"""Exports for tests: one that is always there, and those that a test orders and waits for."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from typing import Any, Final

import httpx
import psutil
from pydantic_core import to_json

from projections.export.names import COMPLETE, MANIFEST
from projections.export.orders import Ordered
from projections.export.wanted import Wanted
from tests.promises.server import NOW, Served

Progress = Callable[[int, int], Any]

EXPORT: Final = str(NOW)
"""The number of the export that every server of the samples has."""

PATH: Final = "table=chats/portal=acme/month=2026-09/part-00000.jsonl"
CONTENT: Final = b'{"table":"chats","chat_id":2207}\n'


def reserved(served: Served, **wanted: Any) -> Ordered:
    """Make room for an order of nobody, which is not placed yet."""
    orders = served.state.exporting.orders
    return Ordered(
        number=orders.reserve(NOW),
        installation=orders.installation,
        portal_id=served.portal.id,
        token_id="nobody",  # noqa: S106 - an id
        wanted=Wanted.model_validate({"portal": served.slug, **wanted}),
    )


async def make(served: Served, order: Ordered, progress: Progress = lambda *_: None) -> None:
    """Make an export in this process."""
    from projections.export.export import export  # noqa: PLC0415 - few tests need Arrow
    from projections.export.pieces import Source  # noqa: PLC0415
    from projections.export.target import Target  # noqa: PLC0415

    source = Source(order.installation, served.store.log, served.generation, served.portal.id)
    target = Target(os.fspath(served.state.exporting.orders.files(order)))
    await export(source, target, order.wanted, progress, now=NOW, jobs=1)


async def place_made(served: Served) -> None:
    """Put an export into a server's folder that is the same every time."""
    orders = served.state.exporting.orders
    order = reserved(served, format="csv", tables=("chats", "reactions"))
    await make(served, order)
    os.utime(orders.files(order) / COMPLETE, ns=(NOW * 1_000, (NOW + 2_000_000) * 1_000))
    orders.place(order)


def place_example(served: Served) -> None:
    """Put an export into a server's folder that nobody made: the whole of it is one line."""
    orders = served.state.exporting.orders
    order = reserved(served, format="jsonl", tables=("chats",))
    part = {
        "path": PATH,
        "table": "chats",
        "rows": 1,
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    manifest = {
        "schema_version": 1,
        "position": 1,
        "created_at": NOW,
        "tables": {"chats": {"pieces": [[0, 1]]}},
    }
    complete = {"position": 1, "rows": {"chats": 1}, "parts": [part]}
    folder = orders.files(order)
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(CONTENT)
    (folder / MANIFEST).write_bytes(to_json(manifest))
    (folder / COMPLETE).write_bytes(to_json(complete))
    orders.place(order)


class Orderer:
    """Orders exports with one token, and fetches them."""

    def __init__(self, served: Served, token: str) -> None:
        self.served = served
        self._token = token

    async def ask(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a request about exports: `path` is what follows them, or begins with /v1."""
        address = (
            path if path.startswith("/v1") else f"/v1/portals/{self.served.slug}/exports{path}"
        )
        return await self.served.client.request(
            method,
            address,
            content=None if body is None else to_json(body),
            headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
        )

    async def ordered(self, **asked: Any) -> Any:
        """Order an export, which must be accepted."""
        response = await self.ask("POST", "", body=asked)
        assert response.status_code == 202, response.text
        data = response.json()["data"]
        assert response.headers["Location"] == data["url"]
        return data

    async def ended(self, export: Any) -> Any:
        """Wait until an export is over, and return it."""
        async with asyncio.timeout(60):
            while True:
                found = (await self.ask("GET", export["url"])).json()["data"]
                if found["state"] in {"done", "failed"}:
                    return found
                await asyncio.sleep(0.05)

    async def made(self, **asked: Any) -> Any:
        """Order an export, and wait until it is done."""
        export = await self.ended(await self.ordered(**asked))
        assert export["state"] == "done", export["failure"]
        return export

    async def files(self, export: Any) -> dict[str, bytes]:
        """Return every file of an export, by its path, and those that tell of it."""
        addresses = {part["path"]: part["url"] for part in export["parts"]}
        addresses |= {name: export[f"{name}_url"] for name in ("manifest", "complete")}
        answers = {name: await self.ask("GET", url) for name, url in addresses.items()}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {name: answer.content for name, answer in answers.items()}


async def until(so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(30):
        while not so():  # noqa: ASYNC110 - whatever it is rings no bell
            await asyncio.sleep(0.01)


def makers() -> list[psutil.Process]:
    """Return the processes that make exports for this one: forked, so children of its child."""
    return [
        each
        for child in psutil.Process().children()
        if _forks(child)
        for each in child.children(recursive=True)
    ]


def _forks(process: psutil.Process) -> bool:
    try:
        return "multiprocessing.forkserver" in " ".join(process.cmdline())
    except psutil.Error:  # it is gone
        return False
