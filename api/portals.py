"""Portals: those of a token, and how much is known of one."""

from starlette.requests import Request
from starlette.responses import Response

from api import models
from api.answers import cacheable
from api.auth import shown_token
from api.coverage import of_portal, window_of
from api.endpoint import Endpoint
from api.events import ended_at, received_by
from api.models import Listed, Meta, Next, One
from api.parameters import Query, read_query
from api.queries import PortalQuery
from api.read import Read
from api.state import State


async def of_token(request: Request) -> Response:
    """Answer with the portals that a token names, by slug."""
    state: State = request.state.chronicle
    token = await shown_token(state, request)
    read_query(request, Query)
    portals = state.snapshot.portals
    known = [portals[slug] for slug in sorted(token.portals) if slug in portals]
    shown = [
        _progress(portal.slug, state.head(portal), state.live.projected(portal.id))
        for portal in known
    ]
    body: Listed[models.PortalProgress] = Listed(
        data=shown, page=Next(next=None), meta=Meta(portal=None, position=None, head=None)
    )
    return cacheable(request, body)


async def one(read: Read[PortalQuery]) -> One[models.Portal]:
    """How far a portal is projected, and how much is known of it."""
    ended = await ended_at(read)
    counted = await read.reader.counts(ended)
    quarantined = await read.state.quarantine.count(
        read.portal_id, received_by=await received_by(read)
    )
    return read.one(
        models.Portal(
            **_progress(read.access.portal.slug, ended, min(ended, read.position)),
            counts=models.PortalCounts(
                events=ended,  # positions have no gap
                messages=counted.messages,
                chats=counted.chats,
                users=counted.users,
                undecoded=counted.undecoded,
                quarantined=quarantined,
            ),
            coverage=await of_portal(read.reader, window_of(read)),
        )
    )


def _progress(slug: str, head: int, projected: int) -> models.PortalProgress:
    return models.PortalProgress(
        portal=slug, head=head, projected=projected, lag=max(head - projected, 0)
    )


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}",
        ("messages:read", "events:read"),
        PortalQuery,
        One[models.Portal],
        "A portal: how far it is projected, and how much is known of it",
        one,
    ),
)
