"""How an answer becomes bytes, and what every answer says about itself."""

import hashlib
from typing import Any, Final

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

_HEADERS: Final = {"Cache-Control": "private, no-cache"}


def answer(body: Any) -> Response:
    """Answer 200 with JSON."""
    return Response(to_json(body), 200, _HEADERS, "application/json")


def cacheable(request: Request, body: Any) -> Response:
    """Answer with JSON and an ETag, or 304 when the caller has the same content.

    The content is what was asked for, and what is missing there. The rest of `meta` moves with
    every event of the portal, and would let no tag live; who has an older one is promised less.
    """
    content = to_json({name: part for name, part in body.items() if name != "meta"})
    digest = hashlib.sha256(content + _what_is_missing(body.get("meta")))
    headers = {**_HEADERS, "ETag": f'"{digest.hexdigest()[:32]}"'}
    if holds(request, headers["ETag"]):
        return Response(None, 304, headers)
    if "meta" in body:
        content = b'%s,"meta":%s}' % (content[:-1], to_json(body["meta"]))
    return Response(content, 200, headers, "application/json")


def holds(request: Request, tag: str) -> bool:
    """Say whether the caller has the content that a tag names (If-None-Match)."""
    asked = {
        each.strip().removeprefix("W/")
        for each in request.headers.get("if-none-match", "").split(",")
    }
    return tag in asked or "*" in asked


def _what_is_missing(meta: Any) -> bytes:
    coverage = meta and meta.get("coverage")
    return (
        to_json([coverage[part] for part in ("status", "reactions", "holes")]) if coverage else b""
    )
