"""A network between clients and a PostgreSQL server, that can be made as bad as networks are."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sqlalchemy import make_url

_STARTING: Final = 8
"""Bytes that say what the first messages of a connection are: they have a length, but no type."""

_SSL_REQUEST: Final = 80_877_103
_RESET: Final = struct.pack("ii", 1, 0)
_CHUNK: Final = 65_536


class AtCommit(Enum):
    """Where a connection breaks around a commit."""

    UNSENT = auto()
    """Before the commit gets to the server."""
    UNDECIDED = auto()
    """As soon as it was sent: nobody waits for the server to have read it."""
    UNANSWERED = auto()
    """When the server answers: it has committed, and nobody hears of it."""


class _Broken(Exception):
    """The connection ends here."""


@dataclass
class _Link:
    """One connection: its two sides, and what is left of its life."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    life: float
    deaf: bool = False
    """Whether the next answer of the server is lost, and the connection with it."""

    def cut(self) -> None:
        """Reset both sides."""
        for writer in (self.client, self.server):
            side = writer.get_extra_info("socket")
            with suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


@dataclass
class Proxy:
    """The network. What its fields say holds from now on, also for open connections."""

    target: tuple[str, int]
    latency: float = 0.0
    """Seconds that everything takes in each direction."""
    byte_by_byte: bool = False
    """Whether everything arrives in pieces of one byte."""
    life: Callable[[], float] = lambda: float("inf")
    """After how many bytes a new connection is reset."""
    at_commits: deque[AtCommit] = field(default_factory=deque)
    """What happens at the next commits, one after another."""
    broken: int = 0
    """Connections that were reset."""
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def fall_silent(self) -> None:
        """Let nothing through, and leave all connections open."""
        self._flowing.clear()

    def speak_again(self) -> None:
        """Let everything through, also what was kept back."""
        self._flowing.set()

    def cut_all(self) -> None:
        """Reset every connection."""
        for task in self._tasks:
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answers, server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server, self.life())
        ways = [self._requests(link, reader), self._answers(link, answers)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self.broken += any(isinstance(end, _Broken) for end in ended)
            link.cut()

    async def _requests(self, link: _Link, reader: asyncio.StreamReader) -> None:
        async for message in _messages(reader):
            breaking = self.at_commits.popleft() if self._breaks(message) else None
            if breaking is AtCommit.UNSENT:
                raise _Broken
            link.deaf = breaking is AtCommit.UNANSWERED
            await self._carry(link, message, link.server)
            if breaking is AtCommit.UNDECIDED:
                raise _Broken

    def _breaks(self, message: bytes) -> bool:
        return message[:1] == b"Q" and b"COMMIT" in message and bool(self.at_commits)

    async def _answers(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK):
            if link.deaf:
                raise _Broken
            await self._carry(link, chunk, link.client)

    async def _carry(self, link: _Link, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        await asyncio.sleep(self.latency)
        link.life -= len(chunk)
        if link.life < 0:
            raise _Broken
        size = 1 if self.byte_by_byte else len(chunk)
        for begin in range(0, len(chunk), size):
            writer.write(chunk[begin : begin + size])
            await writer.drain()
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Cut every connection."""
        self.cut_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What a client sends, message by message."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        starting = True
        while starting:
            head = await reader.readexactly(_STARTING)
            length, code = struct.unpack("!ii", head)
            yield head + await reader.readexactly(length - _STARTING)
            starting = code == _SSL_REQUEST
        while True:
            head = await reader.readexactly(5)
            yield head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Put a network, good at first, before a server; give it and the address to use."""
    address = make_url(url)
    assert address.host is not None
    assert address.port is not None
    proxy = Proxy((address.host, address.port))
    proxy.speak_again()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, address.set(port=port).render_as_string(hide_password=False)
    finally:
        server.close()
        await proxy.close()
