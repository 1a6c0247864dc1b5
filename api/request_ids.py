"""The name of every request: its answer says it, and what is recorded of it is found by it."""

import re
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

_HEADER: Final = "X-Request-Id"
_CALLERS_OWN: Final = re.compile(r"[!-~]{1,128}")
"""Printable ASCII without spaces, and not too much of it."""


class NameRequests:
    """Gives every request a name of ours, whatever name its caller has for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and name its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = scope["state"]["request_id"] = str(uuid7())

        async def naming(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (_HEADER.lower().encode(), name.encode()),
                ]
            await send(message)

        await self.app(scope, receive, naming)


def request_id(request: Request) -> str:
    """Return the name of a request: unique, and later ones are greater."""
    return str(request.state.request_id)


def callers_id(request: Request) -> str | None:
    """Return the name that the caller gave a request, if it is one that can be kept."""
    given = request.headers.get(_HEADER, "")
    return given if _CALLERS_OWN.fullmatch(given) else None
