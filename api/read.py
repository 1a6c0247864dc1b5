"""One request that reads: who asks what, of which moment, and how it is answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from api.auth import Access
from api.models import Listed, Meta, Next, One
from api.paging import Cursor
from api.problems import Problem
from api.queries import PortalQuery
from api.state import State
from eventstore.database import Session
from eventstore.event import MAX_INSTANT
from projections.fingerprints import fingerprints
from projections.generations import Standing
from projections.read.narrowed import Narrowed
from projections.read.now import Now
from projections.read.reader import Reader
from projections.read.then.reader import Then
from projections.view import View

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


def no_such(what: str) -> Problem:
    """Say that nothing is known of what the address names."""
    return Problem("not_found", f"No such {what} is known here.")


def view_of(query: PortalQuery, cursor: Cursor | None, newest: int) -> View | None:
    """Return what the answer to a request may know: a walk goes on from what it knew at first."""
    time, position = query.moment
    if time is None and position is None:
        return None
    if position is None:
        position = cursor.began_at if cursor else newest
    return View(position, MAX_INSTANT if time is None else time)


async def meta_of(  # noqa: PLR0913, PLR0917 - all that an answer may say about itself
    state: State,
    access: Access,
    session: Session,
    query: PortalQuery,
    view: View | None,
    newest: int,
) -> Meta:
    """Return what the answer to a request says about itself."""
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
