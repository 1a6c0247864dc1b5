"""A client of a stream, which takes it byte by byte, and can be cut off at any of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json
from starlette.types import ASGIApp, Message

PATIENCE = 20
"""Seconds after which what does not come is taken never to."""


@dataclass
class Stream:
    """A stream that is open: what came of it, and how it ended."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    taken: asyncio.Semaphore | None = None
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, message: Message) -> None:
        """Be sent something; a client that does not read lets nothing more be sent."""
        if self.taken is not None:
            await self.taken.acquire()
        async with self._moved:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.body += message["body"]
                self.ended = not message.get("more_body", False)
            self._moved.notify_all()

    async def until(self, what: Any) -> None:
        """Wait until something is true of the stream."""
        async with asyncio.timeout(PATIENCE), self._moved:
            await self._moved.wait_for(what)

    async def messages(self, count: int) -> list[tuple[int, Any]]:
        """Wait for so many messages; return all that came, by their ids."""
        await self.until(lambda: len(messages(self.body)) >= count)
        return messages(self.body)


def messages(body: bytes) -> list[tuple[int, Any]]:
    """Read the whole messages of a stream, as a browser does: id and data."""
    found = []
    for block in body.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line[:1] != b":")
        if b"data" in fields:
            found.append((int(fields[b"id"]), from_json(fields[b"data"])))
    return found


def last_id(body: bytes) -> str | None:
    """Return what a browser would send as Last-Event-ID after this."""
    blocks = body.split(b"\n\n")[:-1]
    ids = [line for block in blocks for line in block.split(b"\n") if line.startswith(b"id: ")]
    return ids[-1].removeprefix(b"id: ").decode() if ids else None


@asynccontextmanager
async def streaming(
    app: ASGIApp,
    path: str,
    token: str,
    *,
    last_event_id: str | None = None,
    reads: asyncio.Semaphore | None = None,
) -> AsyncIterator[Stream]:
    """Open a stream, until the context ends: then the client is gone."""
    path, _, query = path.partition("?")
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    if last_event_id is not None:
        headers["last-event-id"] = last_event_id
    stream, gone = Stream(taken=reads), asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        if (request := next(asked, None)) is not None:
            return request
        await gone.wait()
        return {"type": "http.disconnect"}

    async def run() -> None:
        await app(_scope(path, query, headers), receive, stream.take)

    running = asyncio.create_task(run())
    try:
        yield stream
    finally:
        gone.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await running


def _scope(path: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("chronicle", 80),
    }
