"""Lists by positions that can be followed: waited for, and streamed as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.auth import Access, authorize
from api.endpoint import Endpoint, ids_of, look_of
from api.feeds import Feed, Item, Source
from api.parameters import number_of, read_query
from api.problems import Problem
from api.queries import Followable
from api.state import State
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable

_HEARTBEAT: Final = 15
"""Seconds from one sign of life to the next, where a proxy might take silence for death."""

_FIRST: Final = b"retry: 1000\n\n"
"""What a stream begins with: in milliseconds, when to come back after it broke."""

_HEADERS: Final = {"Cache-Control": "private, no-cache"}
_OF_LISTS: Final = frozenset({"cursor", "limit", "wait", "min_position", "as_of", "as_of_position"})
"""Parameters that mean nothing to a stream: it would be wrong to take and forget them."""


@dataclass(frozen=True)
class Followed(Endpoint):
    """A list that can be followed from a position on.

    `source` says what is new of a portal; `show` is what of it is shown to who asks so, if
    anything: it is given the query, and what the source said.
    """

    query: type[Followable]
    source: Callable[[State, Portal], Source]
    show: Callable[[Any, Any], Any]

    async def respond(self, request: Request) -> Response:
        if "text/event-stream" in request.headers.get("accept", ""):
            return await self._stream(request)
        return await super().respond(request)

    async def ready(self, state: State, access: Access, query: Any) -> None:
        await super().ready(state, access, query)
        if query.wait and query.cursor is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(query.wait):
                    await self._first(state, access, query)

    async def _first(self, state: State, access: Access, query: Followable) -> None:
        """Wait until there is something behind the position that a request names."""
        feed, position = self._feed(state, access), query.after or 0
        with feed.followed():
            while not state.feeds.stopping:
                piece = await feed.behind(position)
                if any(self.spelled(query, item) for item in piece.items):
                    return
                position = piece.upto

    async def _stream(self, request: Request) -> Response:
        state: State = request.state.chronicle

        def allowed() -> Access:
            return authorize(state, request, *self.scopes)

        access = await self.admit(state, request)
        ids = ids_of(request)
        query = read_query(request, self.query)
        for name in _OF_LISTS & query.model_fields_set:
            raise Problem("invalid_parameter", f"A stream has no `{name}`.", parameter=name)
        position = await _place(state, access, request, query)
        look = look_of(request, access, self.path, ids)
        await state.access_log.stream_opened(look, position=position)
        follower = _Follower(self, state, self._feed(state, access), query, position, allowed)

        async def closed() -> None:
            await state.access_log.stream_closed(
                look, position=follower.position, count=follower.sent
            )

        return _Stream(
            closed,
            follower.pieces(),
            headers=_HEADERS,
            ping=_HEARTBEAT,
            ping_message_factory=follower.heartbeat,
        )

    def _feed(self, state: State, access: Access) -> Feed:
        key = self.path, access.portal.id
        return state.feeds.of(key, lambda: self.source(state, access.portal))

    def spelled(self, query: Followable, item: Item) -> bytes:
        """Spell the message of a position; nothing where it says nothing to who asks."""
        if query.filters():
            return self._message(query, item)
        if item.message is None:
            item.message = self._message(query, item)
        return item.message

    def _message(self, query: Followable, item: Item) -> bytes:
        shown = self.show(query, item.said)
        return b"" if shown is None else b"id: %d\ndata: %s\n\n" % (item.position, to_json(shown))


class _Stream(EventSourceResponse):
    """A stream that says when it is over, however it ended."""

    def __init__(self, closed: Callable[[], Awaitable[None]], *pieces: Any, **how: Any) -> None:
        super().__init__(*pieces, **how)
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, to the end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with suppress(Problem):  # it was opened: what is never closed may have been seen
                await asyncio.shield(self._closed())


async def _place(state: State, access: Access, request: Request, query: Followable) -> int:
    """Return the position that a stream goes on behind. Raises Problem if there is none such."""
    resumed = request.headers.get("last-event-id")
    try:
        position = (query.after or 0) if resumed is None else number_of(resumed)
    except ValueError:
        raise Problem("invalid_parameter", "`Last-Event-ID` must be a position.") from None
    await state.wait_for_head(access.portal, position, seconds=0)
    if position > state.head(access.portal):
        detail = f"The log ends at {state.head(access.portal)}: nothing can follow {position} yet."
        raise Problem("invalid_parameter", detail, parameter="after")
    return position


class _Follower:
    """One who follows a feed, from a place of their own."""

    def __init__(  # noqa: PLR0913, PLR0917 - who follows what, from where, as long as they may
        self,
        endpoint: Followed,
        state: State,
        feed: Feed,
        query: Followable,
        position: int,
        allowed: Callable[[], Access],
    ) -> None:
        self.position = position
        self.sent = 0
        self._endpoint = endpoint
        self._state = state
        self._feed = feed
        self._query = query
        self._allowed = allowed

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give message after message, many at once where there are many.

        Ends when the token is good no longer, when the server stops, or when the store is away:
        who asks again is told which.
        """
        yield _FIRST
        with self._feed.followed(), suppress(StoreUnavailable, Problem):
            while not self._state.feeds.stopping:
                piece = await self._feed.behind(self.position)
                self._allowed()
                messages = [self._endpoint.spelled(self._query, item) for item in piece.items]
                if any(messages):
                    yield b"".join(messages)
                    self.sent += sum(map(bool, messages))
                self.position = piece.upto

    def heartbeat(self) -> ServerSentEvent:
        """Give a sign of life, and the position from which to resume: all before it was sent."""
        return ServerSentEvent(comment="still here", id=str(self.position), sep="\n")
