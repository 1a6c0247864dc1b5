"""Exports: ordered, shown while they are made and after, removed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

import structlog
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from api import models
from api.auth import Access, admitted
from api.endpoint import Endpoint, check_sees_all, ids_of, look_of
from api.export_orders import may_see, read_order, wanted_of
from api.exporting import Exporting
from api.models import Listed, One
from api.parameters import Query, read_query
from api.problems import Problem
from api.queries import Paged, PortalQuery
from api.read import Read, ReadList, meta_of, no_such
from api.state import State
from api.times import now, shown, spelled
from eventstore.event import MAX_INSTANT
from projections.errors import TargetUnusable
from projections.export.names import FormatName
from projections.export.orders import Failure, Found, Ordered
from projections.export.wanted import Wanted
from projections.project import checkpoint_of
from projections.read.now import Now

T = TypeVar("T")

MOST_WAITING: Final = 4
"""Exports of a portal that may wait or be made at the same time."""

SCOPES: Final = ("export",)
EXPORTS: Final = "/v1/portals/{portal}/exports"
EXPORT: Final = f"{EXPORTS}/{{export}}"

_HEADERS: Final = {"Cache-Control": "private, no-cache"}

_log = structlog.get_logger()


async def of_folder(call: Callable[..., T], *given: Any) -> T:
    """Ask the folder of exports, beside the event loop. Raises Problem(exports_unavailable)."""
    try:
        return await asyncio.to_thread(call, *given)
    except TargetUnusable as error:
        _log.error("the folder of exports cannot be used", error=str(error))
        detail = f"The folder of exports cannot be used now: {error.reason}."
        raise Problem("exports_unavailable", detail) from None


async def order(request: Request) -> Response:
    """Order an export: it is made in the background. Recorded before it is answered."""
    state: State = request.state.chronicle
    access = await admitted(state, request, *SCOPES)
    check_sees_all(access)
    read_query(request, Query)
    wanted = wanted_of(access, await read_order(state, request))
    portal_id = access.portal.id
    async with state.live.reading(portal_id) as session:
        newest = await checkpoint_of(session, portal_id)
        meta = await meta_of(state, access, session, PortalQuery(), None, newest)
        await _check_there(Now(session, portal_id, newest), wanted, newest)
    async with state.exporting.ordering:
        placed = await _placed(state, request, access, wanted, newest)
    state.exporting.ordered.set()
    data = await _with_parts(state, placed)
    headers = {**_HEADERS, "Location": data["url"]}
    return Response(to_json(One(data=data, meta=meta)), 202, headers, "application/json")


async def _check_there(reader: Now, wanted: Wanted, newest: int) -> None:
    for chat_id in wanted.chats or ():
        if not await reader.chat_exists(chat_id):
            detail = f"`chats` names one that nothing was ever told of: {chat_id}."
            raise Problem("invalid_parameter", detail, parameter="chats")
    if wanted.from_position is not None and wanted.from_position > newest + 1:
        detail = f"`from_position` is not there yet: the log is projected up to {newest}."
        raise Problem("invalid_parameter", detail, parameter="from_position")


async def _placed(
    state: State, request: Request, access: Access, wanted: Wanted, newest: int
) -> Ordered:
    """Record an order, then place it. Raises Problem; nothing is ordered then."""
    orders = state.exporting.orders
    waiting = [
        each
        for each in await of_folder(orders.unfinished)
        if each.portal_id == access.portal.id and each.number not in state.exporting.unsaid
    ]
    if len(waiting) >= MOST_WAITING:
        detail = (
            f"{len(waiting)} exports of this portal wait or are made. Order again when one is done,"
            " or remove one."
        )
        raise Problem("exports_waiting", detail)
    number = await of_folder(orders.reserve, now())
    placed = Ordered(
        number=number,
        installation=orders.installation,
        portal_id=access.portal.id,
        token_id=access.token.id if access.token else "",
        wanted=wanted,
    )
    asked = wanted.model_dump(exclude={"portal"}, exclude_defaults=True)
    look = look_of(request, access, EXPORTS, {"export": number})
    try:
        await state.access_log.export_ordered(replace(look, filters=asked), position=newest)
        await of_folder(orders.place, placed)
    except Problem:
        await of_folder(orders.remove, number)
        raise
    return placed


async def page(read: ReadList[Paged]) -> Listed[models.Export]:
    """The exports that the token may see, the newest first."""
    _check_now(read)
    (before,) = read.key([MAX_INSTANT])
    orders = await of_folder(read.state.exporting.orders.all)
    seen = [
        each
        for each in reversed(orders)
        if each.portal_id == read.portal_id and each.number < before and may_see(read.access, each)
    ]
    cut, more = read.cut(seen[: read.fetch], lambda each: [each.number])
    return read.page([await _shown(read.state, each) for each in cut], more)


async def one(read: Read[PortalQuery]) -> One[models.ExportWithParts]:
    """One export, and its files when it is done."""
    _check_now(read)
    found = await seen(read.state, read.access, read.ids["export"])
    return read.one(await _with_parts(read.state, found))


def _check_now(read: Read[Any]) -> None:
    for name in ("as_of", "as_of_position"):
        if getattr(read.query, name) is not None:
            detail = "An export is shown as it is now: what it knows is its `position`."
            raise Problem("invalid_parameter", detail, parameter=name)


async def seen(state: State, access: Access, number: int) -> Ordered:
    """Return an export. Raises Problem(not_found), also for one that the token may not see."""
    found = await of_folder(state.exporting.orders.one, access.portal.id, number)
    if found is None or not may_see(access, found):
        raise no_such("export")
    return found


async def remove(request: Request) -> Response:
    """Remove an export, also one that waits or is made. Recorded before it is gone."""
    state: State = request.state.chronicle
    access = await admitted(state, request, *SCOPES)
    check_sees_all(access)
    ids = ids_of(request)
    read_query(request, Query)
    found = await seen(state, access, ids["export"])
    position = state.live.projected(access.portal.id)
    look = look_of(request, access, EXPORT, ids)
    await state.access_log.export_removed(look, position=position)
    await of_folder(state.exporting.orders.remove, found.number)
    return Response(None, 204, _HEADERS)


async def _shown(state: State, placed: Ordered) -> models.Export:
    found = await of_folder(state.exporting.orders.how, placed)
    return _export(state.exporting, placed, found)


async def _with_parts(state: State, placed: Ordered) -> models.ExportWithParts:
    found = await of_folder(state.exporting.orders.how, placed)
    export = _export(state.exporting, placed, found)
    url, complete = export["url"], found.complete
    return models.ExportWithParts(
        **export,
        manifest_url=None if found.manifest is None else f"{url}/manifest.json",
        complete_url=None if complete is None else f"{url}/complete.json",
        parts=None if complete is None else [_part(url, each) for each in complete["parts"]],
    )


def _part(url: str, part: Any) -> models.ExportPart:
    return models.ExportPart(
        path=part["path"],
        table=part["table"],
        rows=part["rows"],
        bytes=part["bytes"],
        sha256=part["sha256"],
        url=f"{url}/parts/{quote(part['path'], safe='/=')}",
    )


def _export(exporting: Exporting, placed: Ordered, found: Found) -> models.Export:
    wanted, manifest = placed.wanted, found.manifest
    failure = found.failure or exporting.unsaid.get(placed.number)
    kept_until = None
    if found.ended_at is not None and exporting.keep is not None:
        kept_until = found.ended_at + int(exporting.keep * 1_000_000)
    return models.Export(
        id=str(placed.number),
        state="failed" if failure else found.state,
        ordered_at=spelled(placed.number),
        asked=_asked(wanted),
        withheld="scope" if wanted.withhold else None,
        position=manifest["position"] if manifest else None,
        begun_at=shown(manifest["created_at"]) if manifest else None,
        ended_at=shown(found.ended_at),
        kept_until=shown(kept_until),
        schema_version=manifest["schema_version"] if manifest else None,
        progress=_progress(exporting, placed, found),
        failure=_failure(failure),
        url=EXPORT.format(portal=wanted.portal, export=placed.number),
    )


def _failure(failure: Failure | None) -> models.ExportFailure | None:
    return models.ExportFailure(code=failure.code, detail=failure.detail) if failure else None


def _asked(wanted: Wanted) -> models.ExportAsked:
    return models.ExportAsked(
        format=cast(FormatName, wanted.format),  # pages are not ordered here
        tables=[*wanted.tables],
        from_position=wanted.from_position,
        as_of=shown(wanted.as_of),
        chats=None if wanted.chats is None else [str(each) for each in wanted.chats],
        since=shown(wanted.since),
        until=shown(wanted.until),
        formula_guard=wanted.formula_guard,
        byte_order_mark=wanted.byte_order_mark,
    )


def _progress(exporting: Exporting, placed: Ordered, found: Found) -> models.ExportProgress:
    of = found.of_pieces
    if found.complete is not None:
        rows = sum(found.complete["rows"].values())
        return models.ExportProgress(
            pieces=of or 0, of=of, rows=rows, rows_per_second=None, seconds_left=None
        )
    rate = left = None
    running = exporting.running
    if running is not None and running.number == placed.number and of is not None:
        seconds = time.monotonic() - running.since
        rate = round((found.rows - running.rows) / seconds, 1)
        if found.pieces > running.pieces:
            left = round((of - found.pieces) * seconds / (found.pieces - running.pieces), 1)
    return models.ExportProgress(
        pieces=found.pieces, of=of, rows=found.rows, rows_per_second=rate, seconds_left=left
    )


ENDPOINTS = (
    Endpoint(
        EXPORTS,
        SCOPES,
        Paged,
        Listed[models.Export],
        "The exports that this token may see, the newest first",
        page,
    ),
    Endpoint(
        EXPORT,
        SCOPES,
        PortalQuery,
        One[models.ExportWithParts],
        "An export: how far it is, and its files when it is done",
        one,
    ),
)
