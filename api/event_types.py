"""Which events are understood: for everybody, without a token."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api import models
from api.answers import cacheable
from api.models import Listed, Meta, Next
from api.parameters import Query, read_query
from projections.read.event_types import EVENT_TYPES

_BODY: Final[Listed[models.EventType]] = Listed(
    data=[
        models.EventType(event_type=each.event_type, family=each.family, facts=[*each.facts])
        for each in EVENT_TYPES
    ],
    page=Next(next=None),
    meta=Meta(portal=None, position=None, head=None),
)


async def all_of_them(request: Request) -> Response:
    """Answer with every type of event that says something about chats."""
    read_query(request, Query)
    return cacheable(request, _BODY)
