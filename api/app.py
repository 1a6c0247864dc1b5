"""The application: routes, the lifespan, and errors to statuses."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import health, ingest
from api.lifespan import running
from api.problems import Problem
from api.request_ids import NameRequests
from api.routes import routes
from api.settings import Settings
from eventstore.errors import SpoolFull, StoreUnavailable

_log = structlog.get_logger()


def create_app(settings: Settings, *, run_key: str | None = None) -> Starlette:
    """Make the application of these settings.

    `run_key` is what a command of the same user shows to deliver through this server. Whoever
    runs the application holds the store's lock.
    """
    key = run_key or secrets.token_urlsafe(32)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with running(settings, key) as state:
            yield {"chronicle": state}

    every = [*ingest_routes(), *routes(), *health.routes()]
    return Starlette(
        routes=every,
        lifespan=lifespan,
        middleware=[Middleware(NameRequests), Middleware(CountRequests, routes=every)],
        exception_handlers={
            Problem: _problem,
            SpoolFull: _spool_full,
            StoreUnavailable: _store_unavailable,
            HTTPException: _http_exception,
            Exception: _defect,
        },
    )


def ingest_routes() -> list[Route]:
    """Return the doors by which events come in."""
    return [
        Route("/v1/hooks/{ingest_key}", ingest.receive_webhook, methods=["POST"]),
        Route("/v1/portals/{portal}/events", ingest.receive_events, methods=["POST"]),
    ]


class CountRequests:
    """Counts every answer by route and status. Paths are not kept: ingest keys stand in them."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self.app = app
        self.paths: dict[Any, str] = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = self.paths.get(scope.get("endpoint"), "none")
                metrics = scope["state"]["chronicle"].metrics
                metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting)


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    return error.response()


async def _spool_full(_request: Request, error: Exception) -> Response:
    _log.critical("an event was refused: database and spool take none", error=str(error))
    return Problem(
        "spool_full", "The database is away and the spool takes no more. Nothing was kept."
    ).response()


async def _store_unavailable(_request: Request, error: Exception) -> Response:
    _log.error("the store is unavailable", error=str(error))
    return Problem(
        "store_unavailable", "The store cannot take or give this now. Nothing was changed."
    ).response()


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if error.status_code == 405:  # noqa: PLR2004 - Starlette's own
        answer = Problem("method_not_allowed", "This address knows other methods only.").response()
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return answer
    return Problem("not_found", "There is nothing at this address.").response()


def _methods(request: Request) -> set[str]:
    """Return what an address knows, of all its routes: Starlette tells only the first one's."""
    there = (
        route.methods or set()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return set().union(*there)


async def _defect(_request: Request, error: Exception) -> Response:
    # Starlette raises it again, and the server logs where it happened.
    return Problem(
        "internal_error", f"A defect of ours ({type(error).__name__}). The log has the place."
    ).response()
