"""The floor of HTTP: a bare server that commits each body, one transaction a request."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.bench.floors import insert_and_commit, open_bare


def serve(file: Path, port: Annotated[int, typer.Option()]) -> None:
    """Serve until stopped."""
    connection = open_bare(file)
    thread = ThreadPoolExecutor(max_workers=1)
    position = 0

    async def keep(request: Request) -> Response:
        nonlocal position
        body = await request.body()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(thread, insert_and_commit, connection, [body])
        position += 1
        return JSONResponse({"position": position})

    application = Starlette(routes=[Route("/", keep, methods=["POST"])])
    uvicorn.run(application, port=port, http="httptools", loop="uvloop", log_level="critical")


if __name__ == "__main__":
    typer.run(serve)
