"""A load of webhooks and those who follow what they bring: `python -m scripts.bench.stream_load`.

The request, on stdin, is a JSON object of the fields of `Following`; the answer, on stdout, one of
`Followed`.
"""

import asyncio
import re
import sys
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

import uvloop
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from scripts.bench.client import Client, connected
from scripts.bench.events import webhooks
from scripts.bench.load import CONNECTIONS, position_of

_ID: Final = re.compile(rb"id: (\d+)\ndata: ")
_SETTLED: Final = 0.5
"""Seconds after which all who follow have begun, and after which the last of them has all."""


@dataclass(frozen=True)
class Following:
    """What to send, at `rate` a second, to `hook`; and how many `clients` follow `path`."""

    port: int
    hook: str
    path: str
    token: str
    count: int
    seed: int
    rate: float
    clients: int


@dataclass(frozen=True)
class Followed:
    """What came: which positions each client was told, and how late.

    `delays` are seconds from the answer to a webhook to each client that was told its position.
    """

    seconds: float
    told: list[list[int]]
    listed: list[int]
    delays: list[float]


FOLLOWING: Final = TypeAdapter(Following)
FOLLOWED: Final = TypeAdapter(Followed)


class _Follower(asyncio.Protocol):
    """One stream: which positions it told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float]] = []
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        body = self._rest + data
        end = 0
        for found in _ID.finditer(body):
            self.told.append((int(found[1]), now))
            end = found.end()
        self._rest = body[max(end, len(body) - 40) :]


async def follow(following: Following) -> Followed:
    """Let all follow, send the webhooks, and wait until everything has come."""
    loop = asyncio.get_running_loop()
    ask = _request(following, "Accept: text/event-stream\r\n")
    followers: list[_Follower] = []
    for _ in range(following.clients):
        transport: Any
        transport, follower = await loop.create_connection(_Follower, "127.0.0.1", following.port)
        transport.write(ask)
        followers.append(follower)
    await asyncio.sleep(_SETTLED)
    client = Client(_webhooks(following), await connected(following.port, CONNECTIONS))
    started = perf_counter()
    await client.open_loop(following.rate)
    seconds = perf_counter() - started
    await asyncio.sleep(4 * _SETTLED)
    answered = dict(zip(map(position_of, client.bodies), client.answered, strict=True))
    delays = [
        max(0.0, moment - answered[position])
        for follower in followers
        for position, moment in follower.told
    ]
    told = [[position for position, _ in follower.told] for follower in followers]
    return Followed(seconds, told, await _listed(following), delays)


async def _listed(following: Following) -> list[int]:
    """Return the positions that the list has, each once."""
    (connection,) = await connected(following.port, 1)
    positions: list[int] = []
    query = f"limit=500&min_position={following.count}"
    while True:
        page = from_json(await connection.ask(_request(following, query=f"?{query}")))
        positions += (each["position"] for each in page["data"])
        if page["page"]["next"] is None:
            return list(dict.fromkeys(positions))
        query = f"limit=500&cursor={page['page']['next']}"


def _webhooks(following: Following) -> list[bytes]:
    head = f"POST {following.hook} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
    form = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    return [
        f"{head}{len(body)}\r\n{form}".encode() + body
        for body in webhooks(following.count, following.seed)
    ]


def _request(following: Following, header: str = "", *, query: str = "") -> bytes:
    return (
        f"GET {following.path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {following.token}\r\n{header}\r\n"
    ).encode()


if __name__ == "__main__":
    followed = uvloop.run(follow(FOLLOWING.validate_json(sys.stdin.buffer.read())))
    print(to_json(asdict(followed)).decode())
