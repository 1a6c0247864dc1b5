"""Who is answered and does not read is cut off; who reads slowly is not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import Receive, Scope, Send

from scripts.connections import Connections

UNREAD = 0.4
PIECE = b"x" * 100_000


class Endless:
    """An application that answers for as long as it may, and says when it may no longer."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.pieces = 0

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sending = asyncio.create_task(self._send(send))
        assert (await receive())["type"] == "http.disconnect"
        self.gone.set()
        sending.cancel()

    async def _send(self, send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.pieces += 1


@asynccontextmanager
async def served(application: Endless) -> AsyncIterator[socket.socket]:
    """A client whose request is being answered."""
    connections = Connections(deadline=5, unread=UNREAD)
    config = uvicorn.Config(
        application,
        http=connections.protocol,  # type: ignore[arg-type] # it is called, no more
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        with socket.create_connection(listener.getsockname()[:2]) as client:
            client.setblocking(False)  # noqa: FBT003 - the socket's own
            await asyncio.get_running_loop().sock_sendall(
                client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            )
            yield client
        server.should_exit = True
        await serving


async def test_who_does_not_read_is_cut_off() -> None:
    application = Endless()

    async with served(application):
        async with asyncio.timeout(10 * UNREAD):
            await application.gone.wait()


async def test_who_reads_slowly_is_not_cut_off() -> None:
    application = Endless()
    loop = asyncio.get_running_loop()

    async with served(application) as client:
        for _ in range(30):
            for _ in range(40):
                assert await loop.sock_recv(client, 65_536)
            await asyncio.sleep(UNREAD / 8)
        assert not application.gone.is_set()


async def test_for_who_does_not_read_nothing_gathers() -> None:
    application = Endless()

    async with served(application):
        await asyncio.sleep(UNREAD / 2)
        begun = application.pieces
        await asyncio.sleep(UNREAD / 4)

    assert application.pieces - begun <= 1
