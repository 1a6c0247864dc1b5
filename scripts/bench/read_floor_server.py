"""The floor of reading: a bare server with one prepared statement that gives a message's row."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Read = Callable[[int], Awaitable[dict[str, Any]]]

_CONNECTIONS = 4


def serve(address: str, schema: str, port: Annotated[int, typer.Option()]) -> None:
    """Serve the messages of a file of read models, or of a schema, until stopped."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        opened = _postgresql(address, schema) if schema else _sqlite(address)
        async with opened as application.state.read:
            yield

    async def one(request: Request) -> Response:
        return JSONResponse(await request.app.state.read(request.path_params["message"]))

    routes = [Route("/messages/{message:int}", one)]
    application = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(application, port=port, http="httptools", loop="uvloop", log_level="critical")


@asynccontextmanager
async def _sqlite(path: str) -> AsyncIterator[Read]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    statement = "SELECT * FROM message WHERE portal_id = 1 AND message_id = ?"

    async def read(message: int) -> dict[str, Any]:
        return dict(connection.execute(statement, (message,)).fetchone())

    yield read
    connection.close()


@asynccontextmanager
async def _postgresql(address: str, schema: str) -> AsyncIterator[Read]:
    statement = f"SELECT * FROM {schema}.message WHERE portal_id = 1 AND message_id = $1"  # noqa: S608
    async with asyncpg.create_pool(address, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool:

        async def read(message: int) -> dict[str, Any]:
            row = await pool.fetchrow(statement, message)
            return dict(row or {})

        yield read


if __name__ == "__main__":
    typer.run(serve)
