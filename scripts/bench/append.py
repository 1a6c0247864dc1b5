"""Appending: one event after another, and 32 callers at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from eventstore.appender import Appender
from eventstore.event import NewEvent
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate
from scripts.bench.measures import Measure, WrongAnswer
from scripts.bench.store import Identity, Store, check_log, new_store

_CALLERS: Final = 32
_SEED: Final = 1


async def append_single(folder: Path, *, rounds: int, count: int) -> Measure:
    """Await one append after another, A B B A with bare inserts and commits of the same bytes."""
    figures, floors = [], []
    for number in range(rounds):
        store = await new_store(folder / f"single-{number}")
        events = store.new_events(generate(2 * count, _SEED + number))
        halves = events[:count], events[count:]
        bare = [[event.payload for event in half] for half in halves]
        path = folder / f"single-{number}.db"
        async with _appending(store) as appender:
            first = await _one_by_one(appender, store, halves[0])
            floor = bare_rate(path, bare[0], batch=1), bare_rate(path, bare[1], batch=1)
            second = await _one_by_one(appender, store, halves[1])
        await check_log(store, map(_identity, events))
        figures.append(_mean_rate(first, second))
        floors.append(_mean_rate(*floor))
    return Measure(
        "append, one after another",
        "events/s",
        figures,
        floors,
        "sqlite3, insert and commit",
        at_least=1_200,
        of_floor=0.5,
    )


async def append_concurrent(folder: Path, *, rounds: int, count: int) -> Measure:
    """Let 32 callers each await their own appends; the floor commits 32 at a time."""
    figures, floors = [], []
    for number in range(rounds):
        store = await new_store(folder / f"concurrent-{number}")
        events = store.new_events(generate(count, _SEED + number))
        shares = [events[caller::_CALLERS] for caller in range(_CALLERS)]
        async with _appending(store) as appender:
            started = perf_counter()
            async with asyncio.TaskGroup() as tasks:
                callers = [tasks.create_task(_append(appender, store, share)) for share in shares]
            figures.append(count / (perf_counter() - started))
        placed: dict[int, NewEvent] = {}
        for caller, share in zip(callers, shares, strict=True):
            positions = caller.result()
            if positions != sorted(positions):
                raise WrongAnswer("one caller's events are out of order")
            placed |= dict(zip(positions, share, strict=True))
        await check_log(store, (_identity(placed[position]) for position in sorted(placed)))
        payloads = [event.payload for event in events]
        path = folder / f"concurrent-{number}.db"
        floors.append(bare_rate(path, payloads, batch=_CALLERS))
    return Measure(
        "append, 32 callers",
        "events/s",
        figures,
        floors,
        "sqlite3, 32 a commit",
        at_least=12_000,
    )


@asynccontextmanager
async def _appending(store: Store) -> AsyncIterator[Appender]:
    appender = await store.folder.open_appender()
    try:
        yield appender
    finally:
        await appender.close()


async def _one_by_one(appender: Appender, store: Store, events: Sequence[NewEvent]) -> float:
    started = perf_counter()
    await _append(appender, store, events)
    return len(events) / (perf_counter() - started)


async def _append(appender: Appender, store: Store, events: Sequence[NewEvent]) -> list[int]:
    origin = store.portal.origin
    return [(await appender.append(origin, event)).position for event in events]


def _identity(event: NewEvent) -> Identity:
    return Identity(event.event_type, event.sequence, event.sent_at or 0)


def _mean_rate(one: float, other: float) -> float:
    """Return the rate over two halves of the same size."""
    return 2 / (1 / one + 1 / other)
