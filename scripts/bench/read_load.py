"""A load of reads, in a process of its own: `python -m scripts.bench.read_load`.

The request, on stdin, is a JSON object of the fields of `Reads`; the answer, on stdout, one of
`Replies`.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Final

import uvloop
from pydantic import TypeAdapter
from pydantic_core import to_json

from scripts.bench.client import Client, connected

CONNECTIONS: Final = 16
WARM: Final = 0.1
"""The share of a load that is asked before anything is measured."""


@dataclass(frozen=True)
class Reads:
    """What to ask: addresses at a local port, and of each what its answer must contain."""

    port: int
    paths: list[str]
    contained: list[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class Replies:
    """What came back: seconds of all, those of each, and how many did not say what they must."""

    seconds: float
    latencies: list[float]
    wrong: int


READS: Final = TypeAdapter(Reads)
REPLIES: Final = TypeAdapter(Replies)


async def ask(reads: Reads) -> Replies:
    """Ask for everything, as fast as the answers come."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in reads.headers.items())
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode() for path in reads.paths
    ]
    connections = await connected(reads.port, reads.connections)
    await Client(requests[: int(len(requests) * WARM)], connections).closed_loop()
    client = Client(requests, connections)
    started = perf_counter()
    await client.closed_loop()
    seconds = perf_counter() - started
    wrong = sum(
        expected.encode() not in body
        for expected, body in zip(reads.contained, client.bodies, strict=True)
    )
    return Replies(seconds, client.latencies, wrong)


if __name__ == "__main__":
    replies = uvloop.run(ask(READS.validate_json(sys.stdin.buffer.read())))
    print(to_json(asdict(replies)).decode())
