"""Appending: one event after another, and 32 callers at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final

from eventstore.appender import Appender
from eventstore.event import NewEvent
from scripts.bench.engines import Engine, in_turns
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate, batched
from scripts.bench.measures import Measure, Round, WrongAnswer
from scripts.bench.store import Identity, Store, check_log, new_store

_CALLERS: Final = 32
_SEED: Final = 1


async def append_single(engines: Sequence[Engine], *, rounds: int, count: int) -> list[Measure]:
    """Await one append after another, A B B A with bare inserts and commits of the same bytes."""

    async def measure(engine: Engine, number: int) -> Round:
        store = await new_store(await engine.new_store(f"single-{number}"))
        events = store.new_events(generate(2 * count, _SEED + number))
        halves = events[:count], events[count:]
        bare = await engine.new_bare(f"single-{number}")
        async with _appending(store) as appender:
            first = await _one_by_one(appender, store, halves[0])
            floor = [await bare_rate(bare, batched(_payloads(half), 1)) for half in halves]
            second = await _one_by_one(appender, store, halves[1])
        await check_log(store, map(_identity, events))
        return Round(_mean_rate(first, second), _mean_rate(*floor))

    return [
        Measure(
            engine.name,
            "append, one after another",
            "events/s",
            [of_round.figure for of_round in found],
            [of_round.floor for of_round in found],
            f"{engine.driver}, insert and commit",
            at_least={"SQLite": 1_200, "PostgreSQL": 800}[engine.name],
            of_floor={"SQLite": 0.5}.get(engine.name),
        )
        for engine, found in await in_turns(engines, rounds, measure)
    ]


async def append_concurrent(engines: Sequence[Engine], *, rounds: int, count: int) -> list[Measure]:
    """Let 32 callers each await their own appends; the floor commits 32 at a time."""

    async def measure(engine: Engine, number: int) -> Round:
        store = await new_store(await engine.new_store(f"concurrent-{number}"))
        events = store.new_events(generate(count, _SEED + number))
        shares = [events[caller::_CALLERS] for caller in range(_CALLERS)]
        async with _appending(store) as appender:
            started = perf_counter()
            async with asyncio.TaskGroup() as tasks:
                callers = [tasks.create_task(_append(appender, store, share)) for share in shares]
            figure = count / (perf_counter() - started)
        await _check_shares(store, shares, [caller.result() for caller in callers])
        bare = await engine.new_bare(f"concurrent-{number}")
        return Round(figure, await bare_rate(bare, batched(_payloads(events), _CALLERS)))

    return [
        Measure(
            engine.name,
            "append, 32 callers",
            "events/s",
            [of_round.figure for of_round in found],
            [of_round.floor for of_round in found],
            f"{engine.driver}, 32 a commit",
            at_least={"SQLite": 12_000, "PostgreSQL": 10_000}[engine.name],
        )
        for engine, found in await in_turns(engines, rounds, measure)
    ]


async def _check_shares(
    store: Store, shares: Sequence[Sequence[NewEvent]], answers: Sequence[Sequence[int]]
) -> None:
    placed: dict[int, NewEvent] = {}
    for positions, share in zip(answers, shares, strict=True):
        if list(positions) != sorted(positions):
            raise WrongAnswer("one caller's events are out of order")
        placed |= dict(zip(positions, share, strict=True))
    await check_log(store, (_identity(placed[position]) for position in sorted(placed)))


@asynccontextmanager
async def _appending(store: Store) -> AsyncIterator[Appender]:
    appender = await store.place.open_appender()
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


def _payloads(events: Sequence[NewEvent]) -> list[str]:
    return [event.payload for event in events]


def _identity(event: NewEvent) -> Identity:
    return Identity(event.event_type, event.sequence, event.sent_at or 0)


def _mean_rate(one: float, other: float) -> float:
    """Return the rate over two halves of the same size."""
    return 2 / (1 / one + 1 / other)
