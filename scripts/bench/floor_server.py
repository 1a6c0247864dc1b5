"""The floor of HTTP: a bare server that commits each body, one transaction a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.bench.floors import open_bare

_CONNECTIONS = 4
"""As many as the log has; a file has one."""


def serve(address: str, port: Annotated[int, typer.Option()]) -> None:
    """Serve until stopped, committing to a file or to a database."""
    position = 0

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        application.state.bare = await open_bare(address, connections=_CONNECTIONS)
        yield
        await application.state.bare.close()

    async def keep(request: Request) -> Response:
        nonlocal position
        body = await request.body()
        await request.app.state.bare.insert_and_commit([body.decode()])
        position += 1
        return JSONResponse({"position": position})

    routes = [Route("/", keep, methods=["POST"])]
    application = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(application, port=port, http="httptools", loop="uvloop", log_level="critical")


if __name__ == "__main__":
    typer.run(serve)
