"""The portal over HTTPS, as Bitrix24's own addresses are spelled; its certificate is our own."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.portal.errors import NetworkCut, PortalError
from tests.portal.portal import AccessToken, Credentials, Portal, Webhook

HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """Where a portal listens, and the certificate to trust for it."""

    port: int
    ca_bundle: Path

    @property
    def domain(self) -> str:
        """What stands where a portal's domain does."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """Its root, without a slash at the end."""
        return f"https://{self.domain}"

    def webhook_url(self, webhook: Webhook) -> str:
        """An inbound webhook, as the portal's pages show it."""
        return f"{self.url}{webhook.path}"


@asynccontextmanager
async def serving(portal: Portal, folder: Path, *, port: int = 0) -> AsyncIterator[Address]:
    """Serve a portal on 127.0.0.1 for as long as the context lasts; files go to the folder."""
    certificates = _certificates(folder)
    listening = socket.create_server((HOST, port))
    address = Address(listening.getsockname()[1], folder / "ca.pem")
    portal.oauth.domain = address.domain
    config = uvicorn.Config(
        application(portal),
        ssl_certfile=os.fspath(certificates / "server.pem"),
        ssl_keyfile=os.fspath(certificates / "server.key"),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await server.ready.wait()
        yield address
    finally:
        server.should_exit = True
        await task
        listening.close()


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves the signals to those who run it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(portal: Portal) -> Starlette:
    """Give the portal's addresses."""

    async def rest(request: Request) -> Response:
        params = await _params(request)
        credentials: Credentials = AccessToken(str(params.pop("auth", "")))
        if "code" in request.path_params:
            credentials = Webhook(request.path_params["user"], request.path_params["code"])
        try:
            body = await portal.call(credentials, request.path_params["method"], params)
        except PortalError as error:
            return JSONResponse(error.body, error.status)
        except NetworkCut:
            return HTMLResponse("<html>Bad Gateway</html>", 502)
        return JSONResponse(body)

    async def token(request: Request) -> Response:
        try:
            return JSONResponse(portal.oauth.refresh(dict(request.query_params)))
        except PortalError as error:
            return JSONResponse(error.body, error.status)

    return Starlette(
        routes=[
            Route("/rest/{user:int}/{code}/{method}.json", rest, methods=["POST", "GET"]),
            Route("/rest/{user:int}/{code}/{method}", rest, methods=["POST", "GET"]),
            Route("/rest/{method}.json", rest, methods=["POST", "GET"]),
            Route("/rest/{method}", rest, methods=["POST", "GET"]),
            Route("/oauth/token/", token, methods=["GET"]),
        ]
    )


async def _params(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if body:
        given |= json.loads(body)
    return given


def _certificates(folder: Path) -> Path:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert(HOST, "localhost", key_type=trustme.KeyType.ECDSA)
    folder.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(os.fspath(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(os.fspath(folder / "server.key"))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(os.fspath(folder / "server.pem"), append=number > 0)
    return folder
