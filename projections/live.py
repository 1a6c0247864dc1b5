"""The generations that a process reads and projects, and how it moves from one to the next."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from eventstore.database import Pool, Session
from eventstore.errors import StoreUnavailable
from eventstore.store import Store
from projections.fingerprints import Fingerprints
from projections.generations import Standing, maker_of, prepare_generation
from projections.project import checkpoint_of, undecoded_counts
from projections.projector import BATCH, Projector
from projections.turnstile import Turnstile

_TURN: Final = 0.3
"""Seconds that readers are let wait, twice at most, while a portal goes to a new generation."""

_READERS: Final = 4
"""Sessions that read one generation at the same time."""


@dataclass(eq=False)
class _Open:
    """A generation that is open, and the portals that are projected there."""

    number: int
    readers: Pool
    projector: Projector
    portals: set[int]
    projecting: asyncio.Task[None] | None = None

    async def reached(self, portal_id: int) -> int:
        """Return how far it has come."""
        async with self.readers.reading() as session:
            return await checkpoint_of(session, portal_id)

    async def close(self) -> None:
        """Project and read no more."""
        if self.projecting is not None:
            self.projecting.cancel()
            with suppress(asyncio.CancelledError):
                await self.projecting
        await self.readers.close()
        await (
            self.projector.close()
        )  # last: only who writes a SQLite file can put its parts together


class Live:
    """Reads each portal from the generation that the catalog points to.

    After a flip it stays on the old one until the new one has reached what was answered last:
    nobody sees time run backwards.
    """

    def __init__(self, store: Store, events: Pool, *, project: bool) -> None:
        self._store = store
        self._events = events
        self._project = project
        self._open: dict[int, _Open] = {}
        self._serving: dict[int, _Open] = {}
        self._pointers: Mapping[int, int] = {}
        self._standing: dict[int, Standing] = {}
        self._makers: dict[int, Fingerprints] = {}
        self._readers: defaultdict[int, Turnstile] = defaultdict(Turnstile)

    async def follow(self, pointers: Mapping[int, int]) -> None:
        """Use these generations, by portal, each as soon as it can be.

        One that cannot be read is left alone: its portals stay where they are, or nowhere, until
        they are pointed to another one. Raises StoreUnavailable.
        """
        self._pointers = dict(pointers)
        for number in sorted(set(pointers.values()) - set(self._open)):
            if await self._stands(number) is not Standing.UNREADABLE:
                self._open[number] = self._opened(number)
        for portal_id, number in pointers.items():
            if number in self._open:
                await self._point(portal_id, self._open[number])
        for opened in list(self._open.values()):
            if not opened.portals:
                del self._open[opened.number]
                await opened.close()

    async def _stands(self, number: int) -> Standing:
        if number not in self._standing:
            self._standing[number] = await prepare_generation(self._store, number)
        return self._standing[number]

    def _opened(self, number: int) -> _Open:
        place = self._store.generation(number)
        portals: set[int] = set()
        projector = Projector(self._events, place, lambda: tuple(portals))
        opened = _Open(number, Pool(place, _READERS), projector, portals)
        work = projector.run() if self._project else projector.watch(opened.readers)
        opened.projecting = asyncio.create_task(work)
        return opened

    async def _point(self, portal_id: int, wanted: _Open) -> None:
        serving = self._serving.get(portal_id)
        if serving is wanted:
            return
        wanted.portals.add(portal_id)
        wanted.projector.wake()
        if serving is None:
            self._serving[portal_id] = wanted
        elif await wanted.reached(portal_id) >= await self._answered(portal_id, serving) - BATCH:
            await self._turn(portal_id, serving, wanted)

    async def _turn(self, portal_id: int, serving: _Open, wanted: _Open) -> None:
        """Let a portal be read elsewhere, if that has what was answered last."""
        # Nobody reads meanwhile: the old one goes on, and one more answer from there could say
        # more than the new one has.
        async with self._readers[portal_id].shut(seconds=_TURN) as shut:
            if not shut:
                return
            answered = await self._answered(portal_id, serving)
            await wanted.projector.wait_for(portal_id, answered, seconds=_TURN)
            if await wanted.reached(portal_id) >= answered:
                self._serving[portal_id] = wanted
                serving.portals.discard(portal_id)

    async def _answered(self, portal_id: int, serving: _Open) -> int:
        try:
            return await serving.reached(portal_id)
        except StoreUnavailable:
            if await serving.readers.place.exists():
                raise
            # Dropped, after a minute, by who thought that everybody had moved on.
            return self.projected(portal_id)

    def wake(self) -> None:
        """Say that something was appended."""
        for opened in self._open.values():
            opened.projector.wake()

    @property
    def alive(self) -> bool:
        """Whether every projector that should run does."""
        return all(
            opened.projecting is None or not opened.projecting.done()
            for opened in self._open.values()
        )

    def standing(self, portal_id: int) -> Standing:
        """Return what the generation that a portal is read from is to this program."""
        serving = self._serving.get(portal_id)
        number = serving.number if serving else self._pointers.get(portal_id, 0)
        return self._standing.get(number, Standing.CURRENT)

    @property
    def pointers(self) -> Mapping[int, int]:
        """The generation that each portal is pointed to, as it was last told."""
        return self._pointers

    @property
    def outdated(self) -> set[int]:
        """The portals that are pointed to a generation which other code than ours has made."""
        return {
            portal_id
            for portal_id, number in self._pointers.items()
            if self._standing.get(number, Standing.CURRENT) is not Standing.CURRENT
        }

    def generation(self, portal_id: int) -> int:
        """Return the number of the generation that a portal is read from."""
        return self._serving[portal_id].number

    async def maker(self, portal_id: int, session: Session) -> Fingerprints:
        """Return the code that made what a session reads of a portal."""
        number = self.generation(portal_id)
        if number not in self._makers:
            found = await maker_of(session)
            assert found is not None  # noqa: S101 - what has other tables than ours is not opened
            self._makers[number] = found
        return self._makers[number]

    def projected(self, portal_id: int) -> int:
        """Return how far a portal is projected, as far as this process knows."""
        serving = self._serving.get(portal_id)
        return serving.projector.projected.get(portal_id, 0) if serving else 0

    async def wait_for(self, portal_id: int, position: int, *, seconds: float) -> bool:
        """Wait until a position is projected; say whether it is."""
        projector = self._of(portal_id).projector
        return await projector.wait_for(portal_id, position, seconds=seconds)

    @asynccontextmanager
    async def reading(self, portal_id: int) -> AsyncIterator[Session]:
        """Lend a session that sees one moment of a portal's read models.

        Raises StoreUnavailable when they cannot be read.
        """
        async with (
            self._readers[portal_id].inside(),
            self._of(portal_id).readers.reading() as session,
        ):
            yield session

    def _of(self, portal_id: int) -> _Open:
        serving = self._serving.get(portal_id)
        if serving is None:
            raise StoreUnavailable(f"the read models of portal {portal_id} were not reached yet")
        return serving

    async def undecoded(self) -> dict[int, int]:
        """Return how many events could not be decoded, by portal."""
        found: dict[int, int] = {}
        while missing := self._serving.keys() - found.keys():
            opened = self._serving[min(missing)]
            async with opened.readers.reading() as session:
                counts = await undecoded_counts(session)
            # Who has moved on meanwhile is counted where they are now.
            there = [each for each in missing if self._serving[each] is opened]
            found |= {portal_id: counts.get(portal_id, 0) for portal_id in there}
        return found

    async def catch_up(self) -> None:
        """Project all that the log has now."""
        for opened in self._open.values():
            await opened.projector.catch_up()

    async def close(self) -> None:
        """Project and read no more."""
        for opened in self._open.values():
            await opened.close()
        self._open.clear()
        self._serving.clear()
