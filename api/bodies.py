"""A request's body, within its bounds of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from api.problems import Problem
from api.settings import Settings


async def read_body(request: Request, settings: Settings) -> bytes:
    """Return the whole body.

    Raises Problem: body_too_large beyond `max_body`, as soon as that is known; body_timeout when
    it is not complete within `body_deadline`, or never will be.
    """
    too_large = Problem("body_too_large", f"A body may have {settings.max_body:,} bytes at most.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > settings.max_body:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        # The server below never gives up on half a body: the deadline is ours.
        async with asyncio.timeout(settings.body_deadline):
            async for part in request.stream():
                size += len(part)
                if size > settings.max_body:
                    raise too_large
                parts.append(part)
    except (TimeoutError, ClientDisconnect):
        raise Problem(
            "body_timeout", f"The body was not complete after {settings.body_deadline:g} s."
        ) from None
    return b"".join(parts)
