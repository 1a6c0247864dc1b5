"""What is documented: every operation below /v1, with all that it takes and answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from api import models
from api.endpoint import Endpoint
from api.followed import Followed
from api.parameters import Query, Word
from api.queries import Paged, PortalQuery, Windowed
from api.resources import ENDPOINTS

_TOKEN: Final = ("token_missing", "token_unknown", "token_expired", "rate_limited")
_PORTAL: Final = (*_TOKEN, "scope_missing", "not_found")
_EVER: Final = ("store_unavailable", "internal_error")


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    `scopes` is None where no token is asked for; of several, one is needed. `bodies` are the media
    types that it takes. What is `followed` is given as a stream, too.
    """

    method: Literal["get", "post"]
    path: str
    tag: str
    summary: str
    scopes: tuple[str, ...] | None
    query: type[Query]
    answer: Any
    codes: tuple[str, ...]
    bodies: tuple[str, ...] = ()
    followed: bool = False


class _ReceiverQuery(Query):
    receiver: Annotated[
        Word | None, Field(description="`user:<id>` or `bot:<id>`: whose queue the events are of")
    ] = None


_INGEST: Final = (
    Operation(
        "post",
        "/v1/hooks/{ingest_key}",
        "ingest",
        "Take one event as a portal sends it; answered when it is durable",
        None,
        Query,
        models.Received,
        (
            "unreadable_body",
            "application_token_mismatch",
            "portal_mismatch",
            "not_found",
            "body_timeout",
            "spool_full",
            "body_too_large",
            *_EVER,
        ),
        ("application/x-www-form-urlencoded", "application/json"),
    ),
    Operation(
        "post",
        "/v1/portals/{portal}/events",
        "ingest",
        "Take webhook envelopes, fetch items or whole Event.get answers: one, an array, or lines",
        ("events:write",),
        _ReceiverQuery,
        models.Results,
        (
            "invalid_parameter",
            "unknown_parameter",
            "unreadable_body",
            *_PORTAL,
            "portal_mismatch",
            "body_timeout",
            "spool_full",
            "body_too_large",
            *_EVER,
        ),
        ("application/json", "application/x-ndjson"),
    ),
)
_BESIDE_PORTALS: Final = (
    Operation(
        "get",
        "/v1/portals",
        "portals",
        "The portals of this token",
        (),
        Query,
        models.Listed[models.PortalProgress],
        ("unknown_parameter", *_TOKEN, *_EVER),
    ),
    Operation(
        "get",
        "/v1/event-types",
        "event types",
        "Every type of event that is understood",
        None,
        Query,
        models.Listed[models.EventType],
        ("unknown_parameter", "internal_error"),
    ),
)


def _reading(endpoint: Endpoint) -> Operation:
    return Operation(
        "get",
        endpoint.path,
        (endpoint.path.split("/")[4:5] or ["portals"])[0],
        endpoint.summary,
        endpoint.scopes,
        endpoint.query,
        endpoint.answer,
        (
            *_codes(endpoint.query),
            *_PORTAL,
            *(() if endpoint.narrows else ("token_narrowed",)),
            "projection_behind",
            "access_log_unavailable",
            *_EVER,
        ),
        followed=isinstance(endpoint, Followed),
    )


def _codes(query: type[Query]) -> Iterable[str]:
    yield from ("invalid_parameter", "unknown_parameter")
    if issubclass(query, Paged):
        yield "invalid_cursor"
    if issubclass(query, PortalQuery):
        yield "naive_timestamp"
    if issubclass(query, Windowed):
        yield "window_reversed"


OPERATIONS: Final = (*_BESIDE_PORTALS, *map(_reading, ENDPOINTS), *_INGEST)
"""Every operation below /v1."""
