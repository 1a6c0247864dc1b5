"""A client of a local port: some keep-alive connections, each with one request at a time."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import httptools


class Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def on_body(self, body: bytes) -> None:
        """Take a part of the answer."""
        self._body += body

    def on_message_complete(self) -> None:
        """Give the answer to who asked."""
        status, body, self._body = self._parser.get_status_code(), self._body, b""
        self._parser = httptools.HttpResponseParser(self)
        if self._answer is None or self._answer.done():
            return
        if status == 200:  # noqa: PLR2004 - durable
            self._answer.set_result(body)
        else:
            self._answer.set_exception(RuntimeError(f"answered {status}"))

    async def ask(self, request: bytes) -> bytes:
        """Send a request; return the body of its answer. Raises when that is not 200."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def connected(port: int, connections: int) -> list[Connection]:
    """Open some connections to a local port."""
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)
    ]


class Client:
    """Sends requests over some connections, and keeps what came back, in the requests' order.

    `by` names the connection, `sent` and `answered` are moments of `perf_counter`.
    """

    def __init__(self, requests: Sequence[bytes], connections: Sequence[Connection]) -> None:
        self.bodies = [b""] * len(requests)
        self.by = [0] * len(requests)
        self.sent = [0.0] * len(requests)
        self.answered = [0.0] * len(requests)
        self._requests = requests
        self._connections = connections

    @property
    def latencies(self) -> list[float]:
        """Seconds from each request to its answer."""
        return [answered - sent for sent, answered in zip(self.sent, self.answered, strict=True)]

    async def closed_loop(self) -> None:
        """Let every connection send its next request as soon as the last was answered."""
        order = iter(range(len(self._requests)))

        async def keep_sending(number: int) -> None:
            for index in order:
                await self._send(number, index)

        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self._connections)):
                tasks.create_task(keep_sending(number))

    async def open_loop(self, rate: float) -> None:
        """Send at a steady rate, whatever the answers do, while a connection is free."""
        free: asyncio.LifoQueue[int] = asyncio.LifoQueue()
        for number in range(len(self._connections)):
            free.put_nowait(number)

        async def send(number: int, index: int) -> None:
            await self._send(number, index)
            free.put_nowait(number)

        begin = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for index in range(len(self._requests)):
                await asyncio.sleep(max(0.0, begin + index / rate - perf_counter()))
                tasks.create_task(send(await free.get(), index))

    async def _send(self, number: int, index: int) -> None:
        self.by[index] = number
        self.sent[index] = perf_counter()
        self.bodies[index] = await self._connections[number].ask(self._requests[index])
        self.answered[index] = perf_counter()
