"""`chronicle serve`: ingest, projector and read API in one process."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final

import typer
import uvicorn
import uvloop

from api.app import create_app
from api.settings import Settings
from eventstore.errors import StoreUnavailable
from eventstore.lock import ServerAddress
from eventstore.store import Holding
from scripts import logs
from scripts.connections import Connections
from scripts.console import Failure, application, example, run, say

app = application()

_GRACE: Final = 10
"""Seconds that open requests get when the server stops."""

_IDLE: Final = 75
"""Seconds that an idle connection stays open: longer than a proxy keeps its own (nginx: 60), or a
webhook could meet a connection that is just being closed, and Bitrix24 would not send it again."""

_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not a place to bind to

Host = Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 is all of them.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Ready = Callable[[ServerAddress], Awaitable[bool]]
"""What to do as soon as requests are answered: whether to go on. If it fails, the server stops."""


@app.command(epilog=example("chronicle serve --port 8080"))
def serve(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Take events in, project them and answer, until Ctrl-C or SIGTERM.

    There is no TLS here: put a reverse proxy in front.
    """
    settings = Settings()
    logs.configure(settings)

    async def announce(address: ServerAddress) -> bool:
        try:
            engine, warning = await settings.store.versions()
        except StoreUnavailable:
            engine, warning = "database away", "events go to the spool until it is back"
        say(f"chronicle listens at {address.url} ({engine})")
        if warning:
            say(f"warning: {warning}")
        return True

    serve_until_stopped(settings, host, port, announce)


def serve_until_stopped(settings: Settings, host: str, port: int, ready: Ready) -> None:
    """Serve the store of these settings, holding its lock.

    Raises Failure when the port cannot be had, StoreInUse, what opening the store raises, and
    what `ready` raises.
    """
    store = settings.store
    store.prepare()
    with store.hold() as held, listening(host, port) as listener:
        uvloop.run(_serve(settings, held, listener, ready))


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a socket. Raises Failure when that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Failure(f"cannot listen at {host} port {port}: {error.strerror}") from None
    with listener:
        yield listener


async def _serve(settings: Settings, held: Holding, listener: socket.socket, ready: Ready) -> None:
    address = ServerAddress(_url(listener), secrets.token_urlsafe(32))
    application = create_app(settings, run_key=address.run_key)
    # The lifespan runs here and not in uvicorn, which would print its errors with a traceback.
    async with application.router.lifespan_context(application) as state:

        async def when_ready() -> bool:
            held.announce(address)
            return await ready(address)

        connections = Connections(settings.body_deadline)
        server = _Server(application, dict(state or {}), connections, when_ready)
        await server.serve(sockets=[listener])
        await server.result()


class _Server(uvicorn.Server):
    """Stops at a signal, and lets the caller clean up after it."""

    def __init__(
        self,
        application: Any,
        state: dict[str, Any],
        connections: Connections,
        when_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=connections.protocol,  # type: ignore[arg-type] # it is called, no more
                ws="none",
                lifespan="off",
                access_log=False,  # ingest keys stand in paths
                server_header=False,
                proxy_headers=False,  # CHRONICLE_TRUSTED_PROXIES says whom to believe
                log_config=None,
                timeout_graceful_shutdown=_GRACE,
                timeout_keep_alive=_IDLE,
            )
        )
        self._state = state
        self._when_ready = when_ready
        self._task: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then do what was to be done first."""
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        self._task = asyncio.create_task(self._get_ready())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop answering. Who follows what is new would stay as long as they may."""
        self._state["chronicle"].feeds.stop()
        await super().shutdown(sockets)

    async def _get_ready(self) -> None:
        go_on = False
        try:
            go_on = await self._when_ready()
        finally:
            self.should_exit = self.should_exit or not go_on

    async def result(self) -> None:
        """Raise what getting ready has raised; a signal may have come before it was done."""
        if self._task is not None and self._task.done():
            await self._task
        elif self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM. uvicorn would raise them again, before we have closed."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = _ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    run(app)
