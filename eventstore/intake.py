"""The way in: to the log if it answers soon, else to the spool, and from there to the log."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import structlog

from eventstore.drain import Append
from eventstore.errors import EventstoreError, SpoolFull
from eventstore.log import Origin, Outcome, Pending
from eventstore.spool import Spool, Spooled

_log = structlog.get_logger()

_SHORTEST: Final = 0.2
_LONGEST: Final = 5.0
"""Seconds from one try to drain to the next, while none succeeds."""


class Patience(NamedTuple):
    """Seconds that are waited for the log: by a caller, and by a batch from the spool."""

    caller: float = 2.0
    batch: float = 30.0


PATIENCE: Final = Patience()

Door = Callable[[Sequence[Pending]], Awaitable[Sequence[Outcome | Spooled]]]
"""How events come in, whatever the store: an appender's `append_all`, or an intake's `append`."""


class Intake:
    """Takes events in, also while the log is away, slow, or refuses to write.

    An append that nobody waits for any more may still land. Its events are in the spool then too,
    under the same keys, and are duplicates when they come to the log.
    """

    def __init__(
        self,
        append: Append,
        spool: Spool,
        *,
        origins: Callable[[], Mapping[int, Origin]],
        drained: Callable[[Sequence[Pending], Sequence[Outcome]], None],
        patience: Patience = PATIENCE,
    ) -> None:
        """`origins` are the portals of this moment; `drained` is told what became of events."""
        self._append = append
        self._spool = spool
        self._origins = origins
        self._drained = drained
        self._patience = patience
        self._pause = _SHORTEST
        self._trying: dict[asyncio.Timeout, None] = {}
        self.away = False
        """Whether nobody waits for the log, until events from the spool have come there soon."""

    async def append(self, batch: Sequence[Pending]) -> Sequence[Outcome | Spooled]:
        """Take events in together. When this returns, all are in the log, or all in the spool.

        Events of a portal that has others in the spool go behind them, and those of one that may
        not go to the log now wait too. Raises SpoolFull when the
        log does not answer and the spool does not take them: they are not acknowledged.
        """
        outcomes = None if self._goes_behind(batch) else await self._try(batch)
        if outcomes is not None:
            return outcomes
        try:
            return await self._spool.put(batch)
        except SpoolFull as error:
            _log.error("the spool takes no event", error=str(error))
            self.away = False  # nothing comes from the spool to tell: the next caller finds out
            raise

    def _goes_behind(self, batch: Sequence[Pending]) -> bool:
        if self.away:
            return True
        known = self._origins()
        portals = {pending.origin.portal_id for pending in batch}
        return any(portal_id not in known or self._spool.holds(portal_id) for portal_id in portals)

    async def _try(self, batch: Sequence[Pending]) -> Sequence[Outcome] | None:
        try:
            async with asyncio.timeout(self._patience.caller) as waiting:
                self._trying[waiting] = None
                try:
                    return await self._append(batch)
                finally:
                    del self._trying[waiting]
        except (EventstoreError, OSError) as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - a defect must not lose what comes only once
            _log.error("the log does not take events", error=type(error).__name__)
        return None

    def _give_up(self, error: Exception) -> None:
        """Let nobody wait any more. All who do go to the spool, in the order in which they came."""
        if not self.away:
            _log.error("the log does not answer: events go to the spool", error=_said(error))
        self.away = True
        now = asyncio.get_running_loop().time()
        for waiting in self._trying:
            if not waiting.expired():
                waiting.reschedule(now)

    async def drain_forever(self) -> None:
        """Bring what waits to the log as soon as that can be, until cancelled."""
        while True:
            await self._spool.filled()
            try:
                await self._spool.drain(self._to_log, lambda number: self._origins().get(number))
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be over the next time
                depth = self._spool.depth()
                _log.warning("the spool waits for the log", error=_said(error), events=depth.events)
                await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311
                self._pause = min(2 * self._pause, _LONGEST)
            else:
                _log.info("the spool is empty")

    async def _to_log(self, batch: Sequence[Pending]) -> Sequence[Outcome]:
        clock = asyncio.get_running_loop().time
        begun = clock()
        async with asyncio.timeout(self._patience.batch):
            outcomes = await self._append(batch)
        if clock() - begun < self._patience.caller:
            self.away = False
        self._pause = _SHORTEST
        for pending, outcome in zip(batch, outcomes, strict=True):
            if outcome.outcome == "conflict":
                _log.warning(
                    "a spooled event has the key of another",
                    portal_id=pending.origin.portal_id,
                    position=outcome.position,
                )
        self._drained(batch, outcomes)
        return outcomes


def _said(error: Exception) -> str:
    # Only our own errors are known to quote nothing.
    return str(error) if isinstance(error, EventstoreError) else type(error).__name__
