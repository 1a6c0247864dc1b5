"""Whether the server lives, whether it is ready, and what it counts: without a token."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.answers import answer
from api.problems import Problem
from api.spooling import depth_shown
from api.state import State
from api.times import now
from eventstore.errors import StoreUnavailable
from eventstore.event import Instant
from eventstore.fetching.connections import Connections
from eventstore.fetching.queues import QueueRow, Queues
from eventstore.spool_depth import Depth
from projections.errors import TargetUnusable
from projections.generations import Standing

_PATIENCE: Final = 2.0
"""Seconds after which a database that does not answer counts as away."""


async def healthz(_request: Request) -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Say that events are taken, whether reads are answered, and how far those are behind.

    With PostgreSQL, events are taken while the database is away too: `status` is `spooling` then.
    """
    state: State = request.state.chronicle
    if not state.live.alive:
        raise Problem("store_unavailable", "The projector has stopped.")
    lags = [state.lag(portal) for portal in state.snapshot.portals.values()]
    said: dict[str, Any] = {"status": "ready", "lag": max(lags, default=0)}
    standings = {state.live.standing(portal.id) for portal in state.snapshot.portals.values()}
    if others := standings - {Standing.CURRENT}:
        said["generation"] = max(others)  # of both, what cannot be read
    if state.spooling is None:
        async with state.log.reading():
            return answer(said)
    if not await _reachable(state):
        said["status"] = "spooling"
    said["spool"] = depth_shown(state.spooling.spool.depth())
    return answer(said)


async def _reachable(state: State) -> bool:
    if not state.confirmed:
        return False
    try:
        async with asyncio.timeout(_PATIENCE), state.log.reading():
            return True
    except (StoreUnavailable, TimeoutError):
        return False


async def metrics(request: Request) -> Response:
    """Say what is counted, in Prometheus' words."""
    state: State = request.state.chronicle
    undecoded = await _undecoded(state)
    if state.spooling is not None:
        state.metrics.show_spool(
            {
                portal.slug: depth_shown(state.spooling.spool.depths().get(portal.id, Depth()))
                for portal in state.snapshot.portals.values()
            },
            away=state.spooling.intake.away,
        )
    await _show_queues(state)
    await _show_exports(state)
    for portal in state.snapshot.portals.values():
        state.metrics.head.labels(portal.slug).set(state.head(portal))
        state.metrics.lag.labels(portal.slug).set(state.lag(portal))
        state.metrics.undecoded.labels(portal.slug).set(undecoded.get(portal.id, 0))
    return Response(state.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _undecoded(state: State) -> dict[int, int]:
    """Count what could not be decoded; while the database is away, nobody knows."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await state.live.undecoded()
    except (StoreUnavailable, TimeoutError):
        return {}


async def _show_queues(state: State) -> None:
    """Say how the queues are that any process polls; while the database is away, nobody knows."""
    try:
        async with asyncio.timeout(_PATIENCE):
            rows = await Queues(state.catalog).all()
            names = {
                (portal.id, each.number): (portal.slug, each.receiver)
                for portal in state.snapshot.portals.values()
                if any(portal_id == portal.id for portal_id, _ in rows)
                for each in await Connections(state.catalog).of(portal.id)
            }
    except (StoreUnavailable, TimeoutError):
        state.metrics.show_queues(())
        return
    moment = now()
    state.metrics.show_queues(
        (*names[key], row.state, _figures(row, moment)) for key, row in rows.items() if key in names
    )


async def _show_exports(state: State) -> None:
    """Say how many exports wait, and are made; while their folder is away, nobody knows."""
    orders = state.exporting.orders
    with suppress(TargetUnusable):
        left = await asyncio.to_thread(orders.unfinished)
        states = [(await asyncio.to_thread(orders.how, each)).state for each in left]
        state.metrics.show_exports(waiting=states.count("waiting"), running=states.count("running"))


def _figures(row: QueueRow, moment: Instant) -> dict[str, float | None]:
    age = None if row.succeeded_at is None else (moment - row.succeeded_at) / 1_000_000
    return {
        "success_age_seconds": age,
        "retention_seconds": row.seconds_left(moment),
        "fetched": row.fetched,
    }


def routes() -> list[Route]:
    """Return the routes of this module."""
    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
