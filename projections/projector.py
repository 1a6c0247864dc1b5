"""The projector: keeps a generation up to date with the log, and never stops for a bad event."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from eventstore import log
from eventstore.database import Pool, SqliteSession
from eventstore.errors import StoreUnavailable
from eventstore.event import Event
from projections.derive import Derived
from projections.project import checkpoint_of, move_checkpoint, project, record
from projections.tables import UndecodedRow

_log = structlog.get_logger()

BATCH: Final = 256
"""Events that are projected in one transaction."""

_PACE: Final = 0.03
"""Seconds from one round to the next: under load, fewer and larger transactions, for as much
longer until an event can be read."""

_POLL: Final = 1.0
"""Seconds after which the log is looked at without having been woken."""


class Projector:
    """Projects what follows the checkpoint of each portal, soon after it was appended."""

    def __init__(
        self, events: Pool, generation: SqliteSession, portals: Callable[[], Iterable[int]]
    ) -> None:
        self.projected: dict[int, int] = {}
        self._events = events
        self._generation = generation
        self._portals = portals
        self._woken = asyncio.Event()
        self._moved = asyncio.Condition()
        self.alive = False

    def wake(self) -> None:
        """Say that something was appended."""
        self._woken.set()

    async def wait_for(self, portal_id: int, position: int, *, seconds: float) -> bool:
        """Wait until a position is projected; say whether it is."""

        def reached() -> bool:
            return self.projected.get(portal_id, 0) >= position

        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(reached)
        except TimeoutError:
            return reached()
        return True

    async def run(self) -> None:
        """Project for ever."""
        self.alive = True
        try:
            await self._run()
        finally:
            self.alive = False

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            next_round = asyncio.get_running_loop().time() + _PACE
            try:
                behind = [await self.step(portal_id) for portal_id in list(self._portals())]
            except (StoreUnavailable, sqlite3.Error) as error:
                _log.error("projection waits for its database", error=str(error))
                await asyncio.sleep(_POLL)
                continue
            if not any(behind):
                await self._sleep()
            else:
                await asyncio.sleep(next_round - asyncio.get_running_loop().time())

    async def catch_up(self) -> None:
        """Project all that the log has now."""
        for portal_id in list(self._portals()):
            while await self.step(portal_id):
                pass

    async def step(self, portal_id: int) -> bool:
        """Project the next events of one portal; say whether there were any."""
        after = self.projected.get(portal_id)
        if after is None:
            after = await checkpoint_of(self._generation, portal_id)
            await self._move(portal_id, after)
        async with self._events.reading() as session:
            events = await log.page(session, portal_id, after=after, limit=BATCH)
        if not events:
            return False
        try:
            await self._project(portal_id, events)
        except BaseException:
            # Some of them may be projected: the next step asks the generation how far it is.
            del self.projected[portal_id]
            raise
        await self._move(portal_id, events[-1].position)
        return True

    async def _project(self, portal_id: int, events: Sequence[Event]) -> None:
        try:
            await project(self._generation, portal_id, events)
        except (StoreUnavailable, sqlite3.OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next event must come
            if len(events) > 1:
                for event in events:
                    await self._project(portal_id, [event])
                return
            await self._pass_over(events[0], error)

    async def _pass_over(self, event: Event, error: Exception) -> None:
        # A defect of ours must not hide all later events; the log still has this one.
        _log.error("event not projected", portal_id=event.portal_id, position=event.position)
        reason = f"not projected: {type(error).__name__}"
        row = UndecodedRow(event.portal_id, event.position, reason)
        async with self._generation.transaction():
            await record(self._generation, Derived([], [], [], [row]))
            await move_checkpoint(self._generation, event.portal_id, event.position)

    async def _move(self, portal_id: int, position: int) -> None:
        async with self._moved:
            self.projected[portal_id] = position
            self._moved.notify_all()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._woken.wait()
        except TimeoutError:
            pass
