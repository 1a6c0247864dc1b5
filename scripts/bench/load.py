"""A load of webhooks, in a process of its own: `python -m scripts.bench.load REQUEST`.

The request is a JSON object of the fields of `Load`; the answer, on stdout, one of `Answers`.
"""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

import httptools
import uvloop
from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import func, select

from api.settings import Settings
from eventstore.database import Place
from projections.tables import checkpoint
from scripts.bench.events import webhooks

CONNECTIONS: Final = 32
_TICK: Final = 0.001
_POSITION: Final = re.compile(rb'"position":\s*(\d+)')
_CHECKPOINT: Final = select(func.coalesce(func.max(checkpoint.c.position), 0))


@dataclass(frozen=True)
class Load:
    """What to send: `count` webhooks of a seed, to a path of a local port.

    At `rate` a second, or as fast as the answers come. When `watched`, the read models of the
    store that the environment names are looked at until all is readable.
    """

    port: int
    path: str
    count: int
    seed: int
    rate: float | None = None
    watched: bool = False


@dataclass(frozen=True)
class Answers:
    """What came back, one an event, in the order of sending.

    `positions` are the server's; `by` names the connection; `latencies` are seconds from the
    request to the answer, `delays` from the answer to the moment when it was seen in the read
    models, if that was watched.
    """

    seconds: float
    positions: list[int]
    by: list[int]
    latencies: list[float]
    delays: list[float]


LOAD: Final = TypeAdapter(Load)
ANSWERS: Final = TypeAdapter(Answers)


class _Connection(asyncio.Protocol):
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


class _Sender:
    """Sends requests over some connections, and keeps what came back."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.positions = [0] * len(requests)
        self.by = [0] * len(requests)
        self.sent = [0.0] * len(requests)
        self.answered = [0.0] * len(requests)
        self._requests = requests

    async def closed_loop(self, connections: Sequence[_Connection]) -> None:
        """Let every connection send its next request as soon as the last was answered."""
        order = iter(range(len(self._requests)))

        async def keep_sending(number: int) -> None:
            for index in order:
                await self._send(number, connections[number], index)

        async with asyncio.TaskGroup() as tasks:
            for number in range(len(connections)):
                tasks.create_task(keep_sending(number))

    async def open_loop(self, connections: Sequence[_Connection], rate: float) -> None:
        """Send at a steady rate, whatever the answers do, while a connection is free."""
        free: asyncio.LifoQueue[int] = asyncio.LifoQueue()
        for number in range(len(connections)):
            free.put_nowait(number)

        async def send(number: int, index: int) -> None:
            await self._send(number, connections[number], index)
            free.put_nowait(number)

        begin = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for index in range(len(self._requests)):
                await asyncio.sleep(max(0.0, begin + index / rate - perf_counter()))
                tasks.create_task(send(await free.get(), index))

    async def _send(self, number: int, connection: _Connection, index: int) -> None:
        self.by[index] = number
        self.sent[index] = perf_counter()
        body = await connection.ask(self._requests[index])
        self.answered[index] = perf_counter()
        found = _POSITION.search(body)
        self.positions[index] = int(found[1]) if found else 0


async def _watch(generation: Place, upto: int, seen: list[tuple[float, int]]) -> None:
    """Write down when which position was readable, to a millisecond or two."""
    session = await generation.open_reader()
    try:
        reached = 0
        while reached < upto:
            ((position,),) = await session.rows(_CHECKPOINT)
            if position != reached:
                reached = position
                seen.append((perf_counter(), reached))
            await asyncio.sleep(_TICK)
    finally:
        await session.close()


def _delays(sender: _Sender, seen: Sequence[tuple[float, int]]) -> Iterator[float]:
    answered = dict(zip(sender.positions, sender.answered, strict=True))
    moments = iter(seen)
    moment, reached = next(moments)
    for position in sorted(answered):
        while reached < position:
            moment, reached = next(moments)
        yield max(0.0, moment - answered[position])


async def send(load: Load) -> Answers:
    """Send a load and wait for all answers, and for the read models if they are watched."""
    head = f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
    form = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    requests = [
        f"{head}{len(body)}\r\n{form}".encode() + body for body in webhooks(load.count, load.seed)
    ]
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(_Connection, "127.0.0.1", load.port))[1]
        for _ in range(CONNECTIONS)
    ]
    sender = _Sender(requests)
    seen: list[tuple[float, int]] = []
    started = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        if load.watched:
            generation = Settings().store.generation(1)
            tasks.create_task(_watch(generation, load.count, seen))
        if load.rate is None:
            await sender.closed_loop(connections)
        else:
            await sender.open_loop(connections, load.rate)
        seconds = perf_counter() - started
    latencies = [
        answered - sent for sent, answered in zip(sender.sent, sender.answered, strict=True)
    ]
    delays = list(_delays(sender, seen)) if seen else []
    return Answers(seconds, sender.positions, sender.by, latencies, delays)


if __name__ == "__main__":
    answers = uvloop.run(send(LOAD.validate_json(sys.argv[1])))
    print(to_json(asdict(answers)).decode())
