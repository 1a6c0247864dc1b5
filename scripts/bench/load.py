"""A load of webhooks, in a process of its own: `python -m scripts.bench.load`.

The request, on stdin, is a JSON object of the fields of `Load`; the answer, on stdout, one of
`Answers`.
"""

import asyncio
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Final

import uvloop
from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import func, select

from api.settings import Settings
from eventstore.database import Place
from projections.tables import checkpoint
from scripts.bench.client import Client, connected
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


def _delays(
    positions: Sequence[int], client: Client, seen: Sequence[tuple[float, int]]
) -> Iterator[float]:
    answered = dict(zip(positions, client.answered, strict=True))
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
    client = Client(requests, await connected(load.port, CONNECTIONS))
    seen: list[tuple[float, int]] = []
    started = perf_counter()
    async with asyncio.TaskGroup() as tasks:
        if load.watched:
            generation = Settings().store.generation(1)
            tasks.create_task(_watch(generation, load.count, seen))
        if load.rate is None:
            await client.closed_loop()
        else:
            await client.open_loop(load.rate)
        seconds = perf_counter() - started
    positions = list(map(position_of, client.bodies))
    delays = list(_delays(positions, client, seen)) if seen else []
    return Answers(seconds, positions, client.by, client.latencies, delays)


def position_of(body: bytes) -> int:
    """Read the position that an answer to a webhook tells, 0 if none."""
    found = _POSITION.search(body)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    answers = uvloop.run(send(LOAD.validate_json(sys.stdin.buffer.read())))
    print(to_json(asdict(answers)).decode())
