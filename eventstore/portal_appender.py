"""The coalescing appender of PostgreSQL: one transaction at a time for each portal."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from eventstore.appender import MAX_BATCH
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.log import Origin, Outcome, Pending

Append = Callable[[Origin, Sequence[NewEvent]], Awaitable[list[Outcome]]]


@dataclass(slots=True)
class _Waiting:
    events: list[NewEvent]
    done: asyncio.Future[list[Outcome]]


@dataclass
class _Lane:
    """What waits for the log of one portal."""

    origin: Origin
    waiting: list[_Waiting] = field(default_factory=list)


class PortalAppender:
    """Collects what callers bring for a portal into one transaction after another.

    While one transaction is written, the next one fills; portals do not wait for each other.
    """

    def __init__(self, append: Append, close: Callable[[], Awaitable[None]]) -> None:
        self._append = append
        self._close = close
        self._lanes: dict[int, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def append(self, origin: Origin, event: NewEvent) -> Outcome:
        """Append one event. When this returns, the event is durable.

        Raises StoreUnavailable when it may not be.
        """
        return (await self._brought(origin, [event]))[0]

    async def append_all(self, batch: Sequence[Pending]) -> list[Outcome]:
        """Append events, those of one portal all or none; return an outcome for each, in order.

        Raises StoreUnavailable when some of them may not be durable.
        """
        by_portal: dict[Origin, list[int]] = {}
        for index, pending in enumerate(batch):
            by_portal.setdefault(pending.origin, []).append(index)
        brought = (
            self._brought(origin, [batch[index].event for index in indexes])
            for origin, indexes in by_portal.items()
        )
        outcomes: dict[int, Outcome] = {}
        for indexes, placed in zip(by_portal.values(), await asyncio.gather(*brought), strict=True):
            outcomes.update(zip(indexes, placed, strict=True))
        return [outcomes[index] for index in range(len(batch))]

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        self._closed = True
        await asyncio.gather(*self._tasks)
        await self._close()

    def _brought(self, origin: Origin, events: list[NewEvent]) -> asyncio.Future[list[Outcome]]:
        if self._closed:
            raise StoreUnavailable("the appender is closed")
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        lane = self._lanes.get(origin.portal_id)
        if lane is None:
            lane = self._lanes[origin.portal_id] = _Lane(origin)
            task = asyncio.create_task(self._run(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.waiting.append(waiting)
        return waiting.done

    async def _run(self, lane: _Lane) -> None:
        while lane.waiting:
            await self._write(lane.origin, _taken(lane))
        del self._lanes[lane.origin.portal_id]

    async def _write(self, origin: Origin, taken: list[_Waiting]) -> None:
        try:
            events = [event for waiting in taken for event in waiting.events]
            outcomes = await self._append(origin, events)
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, not to this task
            await self._fail(origin, taken, error)
            return
        begin = 0
        for waiting in taken:
            own = outcomes[begin : begin + len(waiting.events)]
            begin += len(own)
            if not waiting.done.done():  # the caller went away
                waiting.done.set_result(own)

    async def _fail(self, origin: Origin, taken: list[_Waiting], error: Exception) -> None:
        if len(taken) > 1 and not isinstance(error, StoreUnavailable):
            # One caller's events must not fail its neighbours'.
            for waiting in taken:
                await self._write(origin, [waiting])
            return
        for waiting in taken:
            if not waiting.done.done():
                waiting.done.set_exception(error)


def _taken(lane: _Lane) -> list[_Waiting]:
    size = count = 0
    for waiting in lane.waiting:
        if count and size + len(waiting.events) > MAX_BATCH:
            break
        size += len(waiting.events)
        count += 1
    taken, lane.waiting[:] = lane.waiting[:count], lane.waiting[count:]
    return taken
