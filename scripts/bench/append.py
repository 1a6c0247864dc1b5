"""Appending: one event after another, and 32 callers at once, beside floors and peers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from eventstore.appender import Appender
from eventstore.event import NewEvent
from scripts.bench.engines import Engine, in_turns
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate, batched
from scripts.bench.measures import Measure, Round, WrongAnswer
from scripts.bench.peers.contenders import LOCKED, Contender, contenders
from scripts.bench.store import Identity, Store, check_log, new_store

_CALLERS: Final = 32
_SEED: Final = 1


async def append_single(
    engines: Sequence[Engine], *, rounds: int, count: int, peers: bool
) -> list[Measure]:
    """Await one append after another, A B B A with bare inserts and commits of the same bytes."""

    async def measure(engine: Engine, number: int) -> Round:
        store = await new_store(await engine.new_store(f"single-{number}"))
        lines = list(generate(2 * count, _SEED + number))
        events = store.new_events(lines)
        halves = events[:count], events[count:]
        bare = await engine.new_bare(f"single-{number}")
        async with _appending(store) as appender:
            first = await _one_by_one(appender, store, halves[0])
            floor = [await bare_rate(bare, batched(_payloads(half), 1)) for half in halves]
            beside = await _peers(engine, f"single-{number}", lines[:count], 1) if peers else {}
            second = await _one_by_one(appender, store, halves[1])
        await check_log(store, map(_identity, events))
        return Round(_mean_rate(first, second), {_floor(engine, 1): _mean_rate(*floor), **beside})

    return [
        Measure.of_rounds(
            engine.name,
            "append, one after another",
            "events/s",
            found,
            at_least={"SQLite": 1_200, "PostgreSQL": 800}[engine.name],
            of={_floor(engine, 1): 0.6} if engine.name == "SQLite" else {LOCKED: 1.0},
        )
        for engine, found in await in_turns(engines, rounds, measure)
    ]


async def append_concurrent(
    engines: Sequence[Engine], *, rounds: int, count: int, peers: bool
) -> list[Measure]:
    """Let 32 callers each await their own appends; the floor commits 32 at a time."""

    async def measure(engine: Engine, number: int) -> Round:
        store = await new_store(await engine.new_store(f"concurrent-{number}"))
        lines = list(generate(count, _SEED + number))
        events = store.new_events(lines)
        shares = [events[caller::_CALLERS] for caller in range(_CALLERS)]
        async with _appending(store) as appender:
            started = perf_counter()
            async with asyncio.TaskGroup() as tasks:
                callers = [tasks.create_task(_append(appender, store, share)) for share in shares]
            figure = count / (perf_counter() - started)
        await _check_shares(store, shares, [caller.result() for caller in callers])
        bare = await engine.new_bare(f"concurrent-{number}")
        floor = await bare_rate(bare, batched(_payloads(events), _CALLERS))
        fewer = lines[: count // 8]  # they take so much longer
        beside = await _peers(engine, f"many-{number}", fewer, _CALLERS) if peers else {}
        return Round(figure, {_floor(engine, _CALLERS): floor, **beside})

    return [
        Measure.of_rounds(
            engine.name,
            "append, 32 callers",
            "events/s",
            found,
            at_least={"SQLite": 15_000, "PostgreSQL": 12_000}[engine.name],
            of={LOCKED: {"SQLite": 6, "PostgreSQL": 8}[engine.name]},
        )
        for engine, found in await in_turns(engines, rounds, measure)
    ]


def _floor(engine: Engine, size: int) -> str:
    return f"bare {engine.driver}, {size} a commit"


async def _peers(
    engine: Engine, name: str, lines: Sequence[bytes], callers: int
) -> dict[str, float]:
    """Let all others append the same lines, each to a file or database of its own."""
    path = engine.folder / f"{name}.ndjson"
    path.write_bytes(b"".join(lines))
    return {
        contender.name: await _rate(contender, engine, f"{name}-{place}", path, callers)
        for place, contender in enumerate(contenders(engine.name))
    }


async def _rate(contender: Contender, engine: Engine, name: str, path: Path, callers: int) -> float:
    return await contender.append(await engine.new_bare(name), path, callers)


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
