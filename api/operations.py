"""What is documented: every operation below /v1, with all that it takes and answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from api import models
from api.endpoint import Endpoint
from api.export_files import DOWNLOADS, Download
from api.export_orders import ExportOrder
from api.exports import EXPORT, EXPORTS, SCOPES
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
    types that it takes, and `body` what stands there, where that has a shape. What is `followed`
    is given as a stream, too. An answer with one of `media` is a file, or a range of it.
    """

    method: Literal["get", "post", "delete"]
    path: str
    tag: str
    summary: str
    scopes: tuple[str, ...] | None
    query: type[Query]
    answer: Any
    codes: tuple[str, ...]
    bodies: tuple[str, ...] = ()
    body: type[BaseModel] | None = None
    followed: bool = False
    status: int = 200
    media: tuple[str, ...] = ()


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
            *(("exports_unavailable",) if endpoint.scopes == SCOPES else ()),
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


_ABOUT_EXPORTS: Final = (
    *_PORTAL,
    "token_narrowed",
    "exports_unavailable",
    "access_log_unavailable",
    *_EVER,
)
_CHANGING_EXPORTS: Final = (
    Operation(
        "post",
        EXPORTS,
        "exports",
        "Order an export of a portal's history: it is made in the background",
        SCOPES,
        Query,
        models.One[models.ExportWithParts],
        (
            "invalid_parameter",
            "unknown_parameter",
            "naive_timestamp",
            "window_reversed",
            "unreadable_body",
            *_ABOUT_EXPORTS,
            "exports_waiting",
            "body_timeout",
            "body_too_large",
        ),
        ("application/json",),
        body=ExportOrder,
        status=202,
    ),
    Operation(
        "delete",
        EXPORT,
        "exports",
        "Remove an export, also one that waits or is made",
        SCOPES,
        Query,
        None,
        ("unknown_parameter", *_ABOUT_EXPORTS),
        status=204,
    ),
)


def _downloading(download: Download) -> Operation:
    return Operation(
        "get",
        download.path,
        "exports",
        download.summary,
        SCOPES,
        Query,
        None,
        (
            "unknown_parameter",
            *_ABOUT_EXPORTS,
            "range_not_satisfiable",
        ),
        media=download.media,
    )


OPERATIONS: Final = (
    *_BESIDE_PORTALS,
    *map(_reading, ENDPOINTS),
    *_CHANGING_EXPORTS,
    *map(_downloading, DOWNLOADS),
    *_INGEST,
)
"""Every operation below /v1."""
