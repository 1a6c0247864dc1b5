"""The projector: keeps a generation up to date with the log, and never stops for a bad event."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from eventstore import log
from eventstore.database import Place, Pool, Session
from eventstore.errors import StoreUnavailable
from projections.derive import Derived
from projections.project import (
    checkpoint_of,
    checkpoints,
    move_checkpoint,
    open_checkpoint,
    project,
    record,
    take,
)
from projections.tables import UndecodedRow

_log = structlog.get_logger()

BATCH: Final = 256
"""Events that are projected in one transaction."""

_PACE: Final = 0.03
"""Seconds from one round to the next: under load, fewer and larger transactions, for as much
longer until an event can be read."""

_POLL: Final = 1.0
"""Seconds after which the log is looked at without having been woken."""

_IMPATIENT: Final = 0.05
"""The same while somebody waits for a position, which another process may be projecting."""


class Projector:
    """Projects what follows the checkpoint of each portal, soon after it was appended.

    Several processes may project one generation: a portal's checkpoint, while one of them has
    it, keeps the others away from that portal.
    """

    def __init__(
        self, events: Pool, generation: Place, portals: Callable[[], Iterable[int]]
    ) -> None:
        self.projected: dict[int, int] = {}
        self.alive = False
        self._events = events
        self._generation = generation
        self._portals = portals
        self._session: Session | None = None
        self._woken = asyncio.Event()
        self._moved = asyncio.Condition()
        self._waiting = 0

    def wake(self) -> None:
        """Say that something was appended."""
        self._woken.set()

    async def wait_for(self, portal_id: int, position: int, *, seconds: float) -> bool:
        """Wait until a position is projected; say whether it is."""

        def reached() -> bool:
            return self.projected.get(portal_id, 0) >= position

        self._waiting += 1
        self.wake()
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(reached)
        except TimeoutError:
            return reached()
        finally:
            self._waiting -= 1
        return True

    async def run(self) -> None:
        """Project for ever."""
        self.alive = True
        try:
            while True:
                await self._round()
        finally:
            self.alive = False

    async def watch(self, readers: Pool) -> None:
        """Look for ever at how far another process has projected."""
        while True:
            self._woken.clear()
            try:
                async with readers.reading() as session:
                    reached = await checkpoints(session)
            except StoreUnavailable as error:
                _log.error("the read models cannot be read", error=str(error))
            else:
                for portal_id in reached.keys() & set(self._portals()):
                    await self._move(portal_id, reached[portal_id])
            await self._sleep()

    async def close(self) -> None:
        """Close what it writes with."""
        if self._session is not None:
            await self._session.close()

    async def _round(self) -> None:
        self._woken.clear()
        next_round = asyncio.get_running_loop().time() + _PACE
        try:
            await self._writer()  # which notices a crash, also while there is nothing to project
            moved = [await self.step(portal_id) for portal_id in await self._behind()]
        except StoreUnavailable as error:
            _log.error("projection waits for its database", error=str(error))
            await asyncio.sleep(_POLL)
            return
        if any(moved):
            await asyncio.sleep(next_round - asyncio.get_running_loop().time())
        else:
            await self._sleep()

    async def _behind(self) -> list[int]:
        """Return the portals that have events which are not projected, as far as is known."""
        async with self._events.reading() as session:
            heads = await log.heads(session)
        return [
            portal_id
            for portal_id in self._portals()
            if portal_id not in self.projected
            or self.projected[portal_id] < heads.get(portal_id, 0)
        ]

    async def catch_up(self) -> None:
        """Project all that the log has now; what comes meanwhile may come for ever."""
        async with self._events.reading() as session:
            newest = await log.heads(session)
        for portal_id in list(self._portals()):
            while self.projected.get(portal_id, -1) < newest.get(portal_id, 0):
                if not await self.step(portal_id):
                    break

    async def step(self, portal_id: int) -> bool:
        """Project the next events of one portal; say whether there were any to be had."""
        try:
            return await self._project(portal_id, BATCH)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the next event must come
            return await self._one_by_one(portal_id)

    async def _one_by_one(self, portal_id: int) -> bool:
        for _ in range(BATCH):
            after = await checkpoint_of(await self._writer(), portal_id)
            try:
                if not await self._project(portal_id, 1):
                    break
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the same
                await self._pass_over(portal_id, after + 1, error)
        return True

    async def _project(self, portal_id: int, limit: int) -> bool:
        generation = await self._writer()
        if portal_id not in self.projected:
            await open_checkpoint(generation, portal_id)
        new = not any(self.projected.values())
        async with generation.transaction():
            after = await take(generation, portal_id)
            if after is None:
                reached = await checkpoint_of(generation, portal_id)
                events = []
            else:
                async with self._events.reading() as session:
                    events = await log.page(session, portal_id, after=after, limit=limit)
                if events:
                    await project(generation, portal_id, events)
                reached = events[-1].position if events else after
        await self._move(portal_id, reached)
        if new and after == 0 and events:
            # Or statements stay planned for empty tables, and read them whole when they are full.
            await generation.settle()
        return bool(events)

    async def _pass_over(self, portal_id: int, position: int, error: Exception) -> None:
        # A defect of ours must not hide all later events; the log still has this one.
        generation = await self._writer()
        async with generation.transaction():
            if await take(generation, portal_id) != position - 1:
                return  # another projector was quicker: what comes next is another event
            _log.error("event not projected", portal_id=portal_id, position=position)
            reason = f"not projected: {type(error).__name__}"
            await record(
                generation, Derived([], [], [], [UndecodedRow(portal_id, position, reason)])
            )
            await move_checkpoint(generation, portal_id, position)
        await self._move(portal_id, position)

    async def _writer(self) -> Session:
        if self._session is None or self._session.broken:
            # A crash of the database may have taken back what was written last.
            self.projected.clear()
            self._session = await self._generation.open_writer()
        return self._session

    async def _move(self, portal_id: int, position: int) -> None:
        async with self._moved:
            self.projected[portal_id] = position
            self._moved.notify_all()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_IMPATIENT if self._waiting else _POLL):
                await self._woken.wait()
        except TimeoutError:
            pass
