"""The way from the spool to the log: in order, and past whatever does not go."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import structlog

from eventstore.errors import EventstoreError, StoreUnavailable
from eventstore.log import Origin, Outcome, Pending
from eventstore.spool_file import SpoolFile, Spooling

_log = structlog.get_logger()

_EVENTS: Final = 1_000
_BYTES: Final = 4 * 2**20
"""What goes to the log in one transaction, at most."""

_AWAY: Final = 3
"""Portals in a row that meet an error before it counts as the log's, not theirs."""

_BLAMED: Final = 10
"""Events in a row that are marked as refused before the log itself counts as at fault."""

_ASIDE: Final = 5.0
"""Seconds that the others go on without a portal that met an error."""

Append = Callable[[Sequence[Pending]], Awaitable[Sequence[Outcome]]]
"""How events get into the log. Raises an EventstoreError or OSError when it takes none now: some
of them may be there. Whatever else it raises says that it does not take one of them."""


class Drain:
    """Brings to the log what waits in a spool's file."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file
        self._served = 0
        self._limits: dict[int, int] = {}
        self._refused = 0

    async def run(self, append: Append, origin_of: Callable[[int], Origin | None]) -> None:
        """Bring events to the log until none waits. Portals take turns.

        Raises an EventstoreError or OSError when the log, or the spool's file, does not answer,
        or when there is a portal that it does not answer for: the others went on before.
        """
        clock = asyncio.get_running_loop().time
        failed: dict[int, Exception] = {}
        in_a_row, until = 0, math.inf
        while clock() < until and (portal_id := self._turn(failed)) is not None:
            try:
                await self._take_turn(portal_id, append, origin_of(portal_id))
            except (EventstoreError, OSError) as error:
                failed[portal_id] = error
                in_a_row += 1
                until = min(until, clock() + (_ASIDE if in_a_row < _AWAY else 0))
            else:
                in_a_row = 0
        for trouble in failed.values():
            raise trouble

    def _turn(self, failed: Collection[int]) -> int | None:
        waiting = [
            portal_id
            for portal_id, depth in self._file.depths.items()
            if depth.events and portal_id not in failed
        ]
        behind = [portal_id for portal_id in waiting if portal_id > self._served]
        self._served = min(behind or waiting, default=self._served)
        return self._served if waiting else None

    async def _take_turn(self, portal_id: int, append: Append, origin: Origin | None) -> None:
        # Whether the log answers is asked with little. It may be slow, and then gets little too.
        limit = self._limits.pop(portal_id, 1)
        if origin is None:
            raise StoreUnavailable(f"portal {portal_id} of the spool is not in the catalog")
        rows = await asyncio.to_thread(self._file.page, portal_id, limit=limit, size=_BYTES)
        owner = self._file.owner(origin)
        for row in rows:
            if row.owner != owner:
                await self._refuse(origin, row, "another portal has this number now")
        await self._bring(append, origin, [row for row in rows if row.owner == owner])
        self._limits[portal_id] = min(2 * limit, _EVENTS)

    async def _bring(self, append: Append, origin: Origin, rows: Sequence[Spooling]) -> None:
        if not rows:
            return
        try:
            await append([Pending(origin, row.event) for row in rows])
        except (EventstoreError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with one must not stop the others
            if len(rows) > 1:
                for row in rows:
                    await self._bring(append, origin, [row])
            else:
                await self._blame(origin, rows[0], error)
        else:
            self._refused = 0
            await asyncio.to_thread(self._file.remove, origin.portal_id, rows)

    async def _blame(self, origin: Origin, row: Spooling, error: Exception) -> None:
        # What the driver says may quote the event.
        reason = type(error).__name__
        if self._refused == _BLAMED:
            raise StoreUnavailable(f"the log takes no event: {reason}") from error
        self._refused += 1
        await self._refuse(origin, row, reason)

    async def _refuse(self, origin: Origin, row: Spooling, reason: str) -> None:
        await asyncio.to_thread(self._file.refuse, origin.portal_id, row, reason)
        _log.error(
            "the log does not take a spooled event: it stays in the spool",
            portal_id=origin.portal_id,
            spool_id=row.id,
            reason=reason,
        )
