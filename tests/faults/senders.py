"""Clients of the hooks: some send whole requests, some begin one and never end it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests import samples

BODY: Final = samples.sample("legacy/onimcommandadd.form")

_BEAT: Final = 0.1
"""Seconds from byte to byte of a sender that goes on and on."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Hook:
    """Where webhooks go."""

    port: int
    key: str

    def request(self, body: bytes = BODY, *, length: int | None = None) -> bytes:
        """Spell a request; with `length`, it promises so many bytes, whatever it brings."""
        lines = [
            f"POST /v1/hooks/{self.key} HTTP/1.1",
            "Host: chronicle",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body) if length is None else length}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Stream]:
        """Connect, for as long as the context lasts."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


class Slow(NamedTuple):
    """A sender: what it sends at once, and what it then repeats for ever, if anything.

    A `used` connection has had a whole request answered before.
    """

    start: bytes
    drip: bytes = b""
    used: bool = False


class End(NamedTuple):
    """What a slow sender was answered, and the seconds until it was cut off."""

    answer: bytes
    seconds: float


async def ask(stream: Stream, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send a request, in pieces if need be, `pause` seconds apart; return the whole answer."""
    reader, writer = stream
    writer.write(pieces[0])
    for piece in pieces[1:]:
        await asyncio.sleep(pause)
        writer.write(piece)
    return await reader.readuntil(b"}")  # ours end with the object that they consist of


async def send_slowly(hook: Hook, slow: Slow, patience: float) -> End:
    """Send until cut off; after `patience`, in seconds, say that it took for ever."""
    began = time.monotonic()
    async with hook.connected() as stream:
        if slow.used:
            await ask(stream, hook.request())
            began = time.monotonic()
        reader, writer = stream
        writer.write(slow.start)
        said = bytearray()
        listening = asyncio.create_task(_listen(reader, said))
        while not listening.done() and time.monotonic() - began < patience:
            await asyncio.wait([listening], timeout=_BEAT)
            if slow.drip and not listening.done():
                writer.write(slow.drip)
        seconds = time.monotonic() - began if listening.done() else math.inf
        listening.cancel()
    return End(bytes(said), seconds)


async def _listen(reader: asyncio.StreamReader, said: bytearray) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(4096):
            said += part
