"""The files of an export: whole, or a range of their bytes to go on with a download."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api.answers import holds
from api.auth import Access, admitted
from api.endpoint import check_sees_all, look_of
from api.exports import EXPORT, SCOPES, of_folder, seen
from api.parameters import Query, number_of, read_query
from api.problems import Problem
from api.ranges import range_of
from api.read import no_such
from api.state import State
from projections.export.names import COMPLETE, MANIFEST
from projections.export.orders import Ordered

_MEDIA: Final[Mapping[str, str]] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/x-ndjson",
}
_HEADERS: Final = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}


async def manifest(request: Request) -> Response:
    """What an export is, as it was written when it began."""
    return await _document(request, MANIFEST)


async def complete(request: Request) -> Response:
    """What a whole export is made of. While it is not whole, there is nothing here."""
    return await _document(request, COMPLETE)


async def part(request: Request) -> Response:
    """One file of a whole export, or a range of its bytes."""
    state, access, order = await _asked(request)
    found = await of_folder(state.exporting.orders.how, order)
    wanted = request.path_params["path"]
    parts = found.complete["parts"] if found.complete else ()
    said = next((each for each in parts if each["path"] == wanted), None)
    if said is None:
        raise no_such("file of this export")
    path = state.exporting.orders.files(order) / wanted
    if await of_folder(_size_of, path) != said["bytes"]:
        detail = "This file is not as it was written. Remove the export, and order it again."
        raise Problem("exports_unavailable", detail)
    media, name = _MEDIA[order.wanted.format], _file_name(order, said)
    answer, status = _answer(request, _Named(path, said["sha256"], said["bytes"], media, name))
    look = look_of(request, access, PART, {"export": order.number})
    await state.access_log.read(
        replace(look, filters={**look.filters, "path": wanted}),
        position=found.complete["position"] if found.complete else 0,
        count=said["rows"],
        status=status,
    )
    return answer


class _Named(NamedTuple):
    """A file, its digest and size, what it is, and what it is called where it is saved."""

    path: Path
    sha256: str
    size: int
    media: str
    name: str


def _answer(request: Request, file: _Named) -> tuple[Response, int]:
    """Answer with a file, a range of it, or that it is the same. Raises Problem."""
    tag = f'"{file.sha256}"'
    headers = {**_HEADERS, "ETag": tag}
    if holds(request, tag):
        return Response(None, 304, headers), 304
    asked = request.headers
    given = range_of(asked.get("range"), asked.get("if-range"), tag=tag, size=file.size)
    return _File(file, headers, whole=given is None), 200 if given is None else 206


class _File(FileResponse):
    """A file, whole or in part: of a range that is none Starlette would make an error."""

    def __init__(self, file: _Named, headers: Mapping[str, str], *, whole: bool) -> None:
        super().__init__(file.path, headers=headers, media_type=file.media, filename=file.name)
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self._whole:
            headers = [each for each in scope["headers"] if each[0] != b"range"]
            scope = {**scope, "headers": headers}
        await super().__call__(scope, receive, send)


def _file_name(order: Ordered, said: Any) -> str:
    """Name a file where the folders that it was in are gone: `acme-messages-2026-09-part-….csv`."""
    *folders, name = said["path"].split("/")
    values = [each.partition("=")[2] for each in folders]
    return "-".join([order.wanted.portal, said["table"], *values[2:], name])


async def _document(request: Request, name: str) -> Response:
    state, access, order = await _asked(request)
    path = state.exporting.orders.files(order) / name
    said = await of_folder(_read, path)
    if said is None:
        raise no_such(f"{name}, yet: the export waits, is made or was given up")
    digest = hashlib.sha256(said).hexdigest()
    saved_as = f"{order.wanted.portal}-{name}"
    answer, status = _answer(request, _Named(path, digest, len(said), "application/json", saved_as))
    await state.access_log.read(
        look_of(request, access, f"{EXPORT}/{name}", {"export": order.number}),
        position=from_json(said)["position"],
        count=1,
        status=status,
    )
    return answer


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


async def _asked(request: Request) -> tuple[State, Access, Ordered]:
    """Return the export that a request is about, if who asks may see it now. Raises Problem."""
    state: State = request.state.chronicle
    access = await admitted(state, request, *SCOPES)
    check_sees_all(access)
    try:
        number = number_of(request.path_params["export"])
    except ValueError:
        raise Problem("not_found", "There is nothing at this address.") from None
    read_query(request, Query)
    return state, access, await seen(state, access, number)


PART: Final = f"{EXPORT}/parts/{{path}}"


@dataclass(frozen=True)
class Download:
    """An address that answers with a file of one of these media types, or a range of it."""

    path: str
    summary: str
    media: tuple[str, ...]
    respond: Callable[[Request], Awaitable[Response]]

    @property
    def route(self) -> str:
        """The address as the router has it: a path may have slashes."""
        return self.path.replace("{path}", "{path:path}")


DOWNLOADS: Final = (
    Download(
        f"{EXPORT}/{MANIFEST}",
        "What an export is, fixed when it begins: the order, positions, tables and their columns",
        ("application/json",),
        manifest,
    ),
    Download(
        f"{EXPORT}/{COMPLETE}",
        "What a whole export is made of: every file with its rows, bytes and SHA-256",
        ("application/json",),
        complete,
    ),
    Download(
        PART,
        "A file of an export, or a range of its bytes",
        (*_MEDIA.values(),),
        part,
    ),
)
"""Every file of an export that can be fetched."""
