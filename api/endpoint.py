"""The frame of every resource of a portal: from a request to one call, and back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from api.access_log import Look
from api.answers import cacheable
from api.auth import Access, authorize, checked
from api.models import Listed, Meta, Next, One
from api.paging import Cursor, Cursors, foreign_cursor
from api.parameters import number_of, read_query
from api.problems import Problem
from api.queries import Paged, PortalQuery
from api.request_ids import callers_id, request_id
from api.state import State
from eventstore.database import Session
from projections.generations import Standing
from projections.project import checkpoint_of

_PATIENCE: Final = 2.0
"""Seconds that a request waits for the position it asks for."""

Q = TypeVar("Q", bound=PortalQuery)
T = TypeVar("T")
Row = TypeVar("Row")


@dataclass(frozen=True)
class Read(Generic[Q]):
    """One request that reads: who asks what, and the moment that the answer is true for."""

    state: State
    access: Access
    session: Session
    position: int
    path: str
    ids: Mapping[str, int]
    query: Q

    @property
    def portal_id(self) -> int:
        """The number of the portal."""
        return self.access.portal.id

    @property
    def head(self) -> int:
        """The newest position of the portal: never behind what is projected."""
        return max(self.state.head(self.access.portal), self.position)

    @property
    def meta(self) -> Meta:
        """What the answer says about itself."""
        meta = Meta(portal=self.access.portal.slug, position=self.position, head=self.head)
        standing = self.state.live.standing(self.portal_id)
        if standing is not Standing.CURRENT:
            meta["generation"] = standing
        return meta

    def one(self, thing: T) -> One[T]:
        """Answer with one thing."""
        return One(data=thing, meta=self.meta)


@dataclass(frozen=True)
class ReadList(Read[Q]):
    """One request that reads a page of a list."""

    limit: int
    cursor: Cursor | None
    anchor: Sequence[Any] | None

    @property
    def fetch(self) -> int:
        """Rows to read: one more than is shown says whether there is a next page."""
        return self.limit + 1

    def key(self, first: Sequence[Any]) -> Sequence[Any]:
        """Return where the page begins: `first`, unless it continues another."""
        return self.cursor.key if self.cursor else first

    def began_at(self, newest: int | None = None) -> int:
        """Return the position that the walk began at: `newest`, unless it continues."""
        if self.cursor:
            return self.cursor.began_at
        return self.position if newest is None else newest

    def cut(
        self, found: Sequence[Row], key: Callable[[Row], Sequence[Any]]
    ) -> tuple[Sequence[Row], Sequence[Any] | None]:
        """Return the rows to show, and the key that the next page begins at, if there is one."""
        page = found[: self.limit]
        return page, key(page[-1]) if len(found) > self.limit else None

    def listed(
        self,
        found: Sequence[Row],
        key: Callable[[Row], Sequence[Any]],
        show: Callable[[Row], T],
        *,
        newest: int | None = None,
    ) -> Listed[T]:
        """Answer with what was found, and a cursor behind it if that is more than a page."""
        page, more = self.cut(found, key)
        return self.page([show(row) for row in page], more, newest=newest)

    def page(
        self, shown: list[T], more: Sequence[Any] | None, *, newest: int | None = None
    ) -> Listed[T]:
        """Answer with a page, and a cursor where there is a key that the next one begins at."""
        following = None
        if more is not None:
            cursor = Cursor(more, self.began_at(newest), self.anchor)
            following = self.state.cursors.write(cursor, self._about)
        return Listed(data=shown, page=Next(next=following), meta=self.meta)

    @property
    def _about(self) -> Sequence[Any]:
        return about(self.path, self.portal_id, self.ids, self.query)


def about(path: str, portal_id: int, ids: Mapping[str, int], query: PortalQuery) -> Sequence[Any]:
    """Return what a cursor is bound to: the list, whose it is, and what narrows it."""
    return [path, portal_id, sorted(ids.items()), sorted(query.filters().items())]


@dataclass(frozen=True)
class Endpoint:
    """A resource of a portal: its address, who may read it, what it takes and what it answers.

    One of `scopes` is needed. `answer` is the type of what `call` returns.
    """

    path: str
    scopes: tuple[str, ...]
    query: type[PortalQuery]
    answer: Any
    summary: str
    call: Callable[[Any], Awaitable[Any]]

    async def respond(self, request: Request) -> Response:
        """Answer a request, after it was recorded who reads what.

        Raises Problem; the rights come first, so that nobody without them learns anything.
        """
        state: State = request.state.chronicle
        access = await checked(state, lambda: authorize(state, request, *self.scopes))
        ids = _ids(request)
        query = read_query(request, self.query)
        await _wait(state, access, query)
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

    async def _read(
        self, state: State, access: Access, ids: Mapping[str, int], query: PortalQuery
    ) -> tuple[Cursor | None, Any]:
        """Return the cursor of a request, and what answers it."""
        async with state.live.reading(access.portal.id) as session:
            position = await checkpoint_of(session, access.portal.id)
            asked = (state, access, session, position, self.path, ids, query)
            if not isinstance(query, Paged):
                return None, await self.call(Read(*asked))
            place = _place(state.cursors, query, about(self.path, access.portal.id, ids, query))
            return place[0], await self.call(ReadList(*asked, query.limit, *place))


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
        token_id=access.token_id,
        request_id=request_id(request),
        callers_id=callers_id(request),
        route=path,
        ids=ids,
        filters=filters,
    )


def no_such(what: str) -> Problem:
    """Say that nothing is known of what the address names."""
    return Problem("not_found", f"No such {what} is known here.")


def _ids(request: Request) -> Mapping[str, int]:
    named = {name: text for name, text in request.path_params.items() if name != "portal"}
    try:
        return {name: number_of(text) for name, text in named.items()}
    except ValueError:
        raise Problem("not_found", "There is nothing at this address.") from None


async def _wait(state: State, access: Access, query: PortalQuery) -> None:
    position = query.min_position
    if position is None:
        return
    if not await state.live.wait_for(access.portal.id, position, seconds=_PATIENCE):
        raise Problem(
            "projection_behind", f"Not yet projected up to {position}. Ask again in a moment."
        )


def _place(
    cursors: Cursors, query: Paged, subject: Sequence[Any]
) -> tuple[Cursor | None, Sequence[Any] | None]:
    """Return the cursor of a request, and where its walk begins or began."""
    anchor = query.anchor()
    if query.cursor is None:
        return None, anchor
    cursor = cursors.read(query.cursor, subject)
    if anchor is not None and [*anchor] != cursor.anchor:
        raise foreign_cursor()
    return cursor, cursor.anchor
