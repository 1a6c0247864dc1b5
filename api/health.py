"""Whether the server lives, whether it is ready, and what it counts: without a token."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.answers import answer
from api.problems import Problem
from api.state import State


async def healthz(_request: Request) -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Say that events are taken and reads are answered, and how far the read models are behind."""
    state: State = request.state.chronicle
    if not state.live.alive:
        raise Problem("store_unavailable", "The projector has stopped.")
    async with state.log.reading():
        lags = [state.lag(portal) for portal in state.snapshot.portals.values()]
    return answer({"status": "ready", "lag": max(lags, default=0)})


async def metrics(request: Request) -> Response:
    """Say what is counted, in Prometheus' words."""
    state: State = request.state.chronicle
    undecoded = await state.live.undecoded()
    for portal in state.snapshot.portals.values():
        state.metrics.head.labels(portal.slug).set(state.head(portal))
        state.metrics.lag.labels(portal.slug).set(state.lag(portal))
        state.metrics.undecoded.labels(portal.slug).set(undecoded.get(portal.id, 0))
    return Response(state.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def routes() -> list[Route]:
    """Return the routes of this module."""
    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
