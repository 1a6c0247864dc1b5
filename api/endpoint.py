"""The frame of every resource of a portal: from a request to one call, and back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from api.access_log import Look
from api.answers import cacheable
from api.auth import Access, admitted
from api.models import Listed, Meta, Next, One
from api.paging import Cursor, Cursors, foreign_cursor
from api.parameters import number_of, read_query
from api.problems import Problem
from api.queries import Paged, PortalQuery
from api.request_ids import callers_id, request_id
from api.state import State
from eventstore import log
from eventstore.database import Session
from eventstore.event import MAX_INSTANT
from projections.fingerprints import fingerprints
from projections.generations import Standing
from projections.project import checkpoint_of
from projections.read.narrowed import Narrowed
from projections.read.now import Now
from projections.read.reader import Reader
from projections.read.then.reader import Then
from projections.view import View

_PATIENCE: Final = 2.0
"""Seconds that a request waits for the position it asks for."""

Q = TypeVar("Q", bound=PortalQuery)
T = TypeVar("T")
Row = TypeVar("Row")


@dataclass(frozen=True)
class Read(Generic[Q]):
    """One request that reads: who asks what, and the moment that the answer is true for.

    `newest` is how far the read models are; `view` is what the answer may know of them, None
    for what is so now; `meta` is what the answer says about itself.
    """

    state: State
    access: Access
    session: Session
    newest: int
    view: View | None
    meta: Meta
    path: str
    ids: Mapping[str, int]
    query: Q

    @property
    def portal_id(self) -> int:
        """The number of the portal."""
        return self.access.portal.id

    @property
    def position(self) -> int:
        """The position that the answer is true for."""
        return self.view.position if self.view else self.newest

    @property
    def head(self) -> int:
        """The newest position of the log, as far as the answer may know it."""
        return self.view.position if self.view else _head(self.state, self.access, self.newest)

    @property
    def now(self) -> Reader:
        """What is so now: it decides what may be shown of what was."""
        return self._narrowed(self._everything_now)

    @property
    def _everything_now(self) -> Now:
        return Now(self.session, self.portal_id, self.newest)

    @cached_property
    def reader(self) -> Reader:
        """What answers: as it is now, or as of the moment that was asked for."""
        if self.view is None:
            return self.now
        return self._narrowed(Then(self.session, self.portal_id, self.view, newest=self.newest))

    def _narrowed(self, reader: Reader) -> Reader:
        limits = self.access.limits
        return Narrowed(reader, limits) if limits.narrowed else reader

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

    @property
    def _everything_now(self) -> Now:
        return Now(self.session, self.portal_id, self.began_at())

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
    return [path, portal_id, sorted(ids.items()), sorted(query.filters().items()), query.moment]


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
        if access.limits.narrowed and not self.narrows:
            detail = "This token sees some chats or some time only: this is about all of a portal."
            raise Problem("token_narrowed", detail)
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
        place = _place(state.cursors, query, about(self.path, access.portal.id, ids, query))
        async with state.live.reading(access.portal.id) as session:
            newest = await checkpoint_of(session, access.portal.id)
            view = _view(query, place[0], newest)
            meta = await _meta(state, access, session, query, view, newest)
            asked = (state, access, session, newest, view, meta, self.path, ids, query)
            if not isinstance(query, Paged):
                return None, await self.call(Read(*asked))
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
        token_id=access.token.id if access.token else "",
        request_id=request_id(request),
        callers_id=callers_id(request),
        route=path,
        ids=ids,
        filters=filters,
    )


def no_such(what: str) -> Problem:
    """Say that nothing is known of what the address names."""
    return Problem("not_found", f"No such {what} is known here.")


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


def _view(query: PortalQuery, cursor: Cursor | None, newest: int) -> View | None:
    """Return what the answer to a request may know: a walk goes on from what it knew at first."""
    time, position = query.moment
    if time is None and position is None:
        return None
    if position is None:
        position = cursor.began_at if cursor else newest
    return View(position, MAX_INSTANT if time is None else time)


async def _meta(  # noqa: PLR0913, PLR0917 - all that an answer may say about itself
    state: State,
    access: Access,
    session: Session,
    query: PortalQuery,
    view: View | None,
    newest: int,
) -> Meta:
    slug = access.portal.slug
    if view is not None:
        maker = await state.live.maker(access.portal.id, session)
        known_by = f"{maker.facts}.{fingerprints().rows}"
        meta = Meta(portal=slug, position=view.position, fingerprint=known_by)
        if query.as_of_position is not None:
            return meta  # nothing that moves: who asks again gets the same bytes
        meta["head"] = _head(state, access, newest)
    else:
        meta = Meta(portal=slug, position=newest, head=_head(state, access, newest))
    standing = state.live.standing(access.portal.id)
    if standing is not Standing.CURRENT:
        meta["generation"] = standing
    return meta


def _head(state: State, access: Access, newest: int) -> int:
    """Return the newest position of a portal: never behind what is projected."""
    return max(state.head(access.portal), newest)


def _place(
    cursors: Cursors, query: PortalQuery, subject: Sequence[Any]
) -> tuple[Cursor | None, Sequence[Any] | None]:
    """Return the cursor of a request, and where its walk begins or began."""
    if not isinstance(query, Paged):
        return None, None
    anchor = query.anchor()
    if query.cursor is None:
        return None, anchor
    cursor = cursors.read(query.cursor, subject)
    if anchor is not None and [*anchor] != cursor.anchor:
        raise foreign_cursor()
    return cursor, cursor.anchor
