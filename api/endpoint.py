"""The frame of every resource of a portal: from a request to one call, and back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from api.access_log import Look
from api.answers import cacheable
from api.auth import Access, admitted
from api.paging import Cursor, Cursors, foreign_cursor
from api.parameters import number_of, read_query
from api.problems import Problem
from api.queries import Paged, PortalQuery
from api.read import Read, ReadList, about, meta_of, view_of
from api.request_ids import callers_id, request_id
from api.state import State
from eventstore import log
from projections.project import checkpoint_of

_PATIENCE: Final = 2.0
"""Seconds that a request waits for the position it asks for."""


@dataclass(frozen=True)
class Endpoint:
    """A resource of a portal: its address, who may read it, what it takes and what it answers.

    One of `scopes` is needed. `answer` is the type of what `call` returns. `narrows` says that it
    reads by `Read.reader` and `Read.now` alone, so that a narrowed token may ask for it.
    """

    path: str
    scopes: tuple[str, ...]
    query: type[PortalQuery]
    answer: Any
    summary: str
    call: Callable[[Any], Awaitable[Any]]
    narrows: bool = field(default=False, kw_only=True)

    async def admit(self, state: State, request: Request) -> Access:
        """Return who asks.

        Raises Problem; the rights come first, so that nobody without them learns anything.
        """
        access = await admitted(state, request, *self.scopes)
        if not self.narrows:
            check_sees_all(access)
        return access

    async def respond(self, request: Request) -> Response:
        """Answer a request, after it was recorded who reads what. Raises Problem."""
        state: State = request.state.chronicle
        access = await self.admit(state, request)
        ids = ids_of(request)
        query = read_query(request, self.query)
        await self.ready(state, access, query)
        with state.access_log.underway():
            cursor, body = await self._read(state, access, ids, query)
            answer = cacheable(request, body)
        await state.access_log.read(
            look_of(request, access, self.path, ids, cursor),
            position=body["meta"]["position"],
            count=len(body["data"]) if isinstance(body["data"], list) else 1,
            status=answer.status_code,
        )
        return answer

    async def ready(self, state: State, access: Access, query: Any) -> None:
        """Wait until a request can be answered as it asks. Raises Problem when that takes long."""
        await _wait(state, access, query)

    async def _read(
        self, state: State, access: Access, ids: Mapping[str, int], query: PortalQuery
    ) -> tuple[Cursor | None, Any]:
        """Return the cursor of a request, and what answers it."""
        place = _place(state.cursors, query, (self.path, access.portal.id, ids))
        async with state.live.reading(access.portal.id) as session:
            newest = await checkpoint_of(session, access.portal.id)
            view = view_of(query, place[0], newest)
            meta = await meta_of(state, access, session, query, view, newest)
            asked = (state, access, session, newest, view, meta, self.path, ids, query)
            if not isinstance(query, Paged):
                return None, await self.call(Read(*asked))
            return place[0], await self.call(ReadList(*asked, query.limit, *place))


def check_sees_all(access: Access) -> None:
    """Raise Problem(token_narrowed) for who sees some of a portal only."""
    if access.limits.narrowed:
        detail = "This token sees some chats or some time only: this is about all of a portal."
        raise Problem("token_narrowed", detail)


def look_of(
    request: Request,
    access: Access,
    path: str,
    ids: Mapping[str, int],
    cursor: Cursor | None = None,
) -> Look:
    """Return what is recorded of a request that reads."""
    filters: dict[str, Any] = dict(request.query_params)
    if cursor is not None:
        filters["cursor"] = cursor.key
    return Look(
        origin=access.portal.origin,
        token_id=access.token.id if access.token else "",
        request_id=request_id(request),
        callers_id=callers_id(request),
        route=path,
        ids=ids,
        filters=filters,
    )


def ids_of(request: Request) -> Mapping[str, int]:
    """Return the identifiers that a path names. Raises Problem(not_found) for what is none."""
    named = {name: text for name, text in request.path_params.items() if name != "portal"}
    try:
        return {name: number_of(text) for name, text in named.items()}
    except ValueError:
        raise Problem("not_found", "There is nothing at this address.") from None


async def _wait(state: State, access: Access, query: PortalQuery) -> None:
    """Wait for the positions that a request names. Raises Problem where one does not come."""
    portal, named = access.portal, query.as_of_position
    if named is not None and named > state.head(portal):
        async with state.log.reading() as session:  # another server may have appended it just now
            head = await log.newest(session, portal.id)
        if named > head:
            detail = f"`as_of_position` is beyond the head of the log, which is {head}."
            raise Problem("invalid_parameter", detail, parameter="as_of_position")
    position = max(query.min_position or 0, named or 0)
    if position and not await state.live.wait_for(portal.id, position, seconds=_PATIENCE):
        raise Problem(
            "projection_behind", f"Not yet projected up to {position}. Ask again in a moment."
        )


def _place(
    cursors: Cursors, query: PortalQuery, asked: tuple[str, int, Mapping[str, int]]
) -> tuple[Cursor | None, Sequence[Any] | None]:
    """Return the cursor of a request, and where its walk begins or began."""
    if not isinstance(query, Paged):
        return None, None
    anchor = query.anchor()
    if query.cursor is None:
        return None, anchor
    cursor = cursors.read(query.cursor, about(*asked, query))
    if anchor is not None and [*anchor] != cursor.anchor:
        raise foreign_cursor()
    return cursor, cursor.anchor
