"""How it grows: one store, from 10^5 events on, each time ten times as many."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import cycle, islice
from random import Random
from time import perf_counter
from typing import Final, NamedTuple

from scripts.bench.batches import check_rebuild
from scripts.bench.commands import run_command, running_server
from scripts.bench.engines import Engine
from scripts.bench.events import generate
from scripts.bench.measures import Measure, Round, percentile
from scripts.bench.reads import (
    COMMON_WORDS,
    P95,
    RARE_WORDS,
    SEARCHED_IN,
    Filled,
    asked_of,
    filled,
    messages_of,
    pages_of,
    searches_of,
)
from scripts.bench.store import Store, fill, new_store

_SEED: Final = 23
_SINGLE: Final = 1_000
_READS: Final = 4_000
_SEARCHES: Final = 200
_MIB: Final = 2**20
_P99: Final = 0.99

_MOST_GROWN: Final = 1.3
"""So many times as late may an answer be at most, of a store a hundred times as large."""


class _Step(NamedTuple):
    """What was found when a store had so many events."""

    events: int
    rebuild: float
    memory: float
    append: Sequence[float]
    message: Sequence[float]
    page: Sequence[float]
    common: Sequence[float]
    rare: Sequence[float]


async def growth(engines: Sequence[Engine], *, sizes: Sequence[int]) -> list[Measure]:
    """Fill a store up to each size, and look at what must not grow with it."""
    found: list[Measure] = []
    for engine in engines:
        steps = [list(_measures(engine, step)) async for step in _steps(engine, sizes)]
        found += [measure for step in steps for measure in step]
        found += _grown(engine, steps[0], steps[-1])
    return found


async def _steps(engine: Engine, sizes: Sequence[int]) -> AsyncIterator[_Step]:
    store = await new_store(await engine.new_store("growth"))
    lines = generate(sizes[-1] + _SINGLE * len(sizes), _SEED)
    events = 0
    for size in sizes:
        await fill(store, islice(lines, size - events))
        appended = await _one_by_one(store, islice(lines, _SINGLE))
        events = size + _SINGLE
        rebuilt = run_command(store, "rebuild")
        await check_rebuild(store, events)
        read = await _read(await filled(store))
        rate = events / rebuilt.seconds
        yield _Step(size, rate, rebuilt.peak / _MIB, appended, *read)


def _measures(engine: Engine, step: _Step) -> Iterator[Measure]:
    rows: list[tuple[str, str, float]] = [
        ("rebuild from raw", "events/s", step.rebuild),
        ("rebuild, largest process", "MiB", step.memory),
        *(
            (f"{name}, p{100 * share:.0f}", "ms", 1_000 * percentile(found, share))
            for name, found in (
                ("append one", step.append),
                ("GET one message", step.message),
                ("GET a chat page", step.page),
            )
            for share in (0.5, _P99)
        ),
    ]
    for name, unit, figure in rows:
        yield Measure.of_rounds(engine.name, name, unit, [Round(figure)], events=step.events)
    for name, found in (("a common word", step.common), ("a rare word", step.rare)):
        yield Measure.of_rounds(
            engine.name,
            f"search {name}, one at a time, p95",
            "ms",
            [Round(1_000 * percentile(found, P95))],
            at_most=SEARCHED_IN,
            events=step.events,
        )


def _grown(engine: Engine, first: Sequence[Measure], last: Sequence[Measure]) -> Iterator[Measure]:
    """Compare the smallest store with the largest, in what somebody waits for."""
    for before, after in zip(first, last, strict=True):
        if before.unit == "ms" and before.at_most is None:  # a search has a goal of its own
            ratio = Round(after.figure / before.figure)
            name = f"{before.name}: {last[0].events:,} over {first[0].events:,} events"
            yield Measure.of_rounds(engine.name, name, "x", [ratio], at_most=_MOST_GROWN)


async def _one_by_one(store: Store, lines: Iterator[bytes]) -> list[float]:
    seconds = []
    appender = await store.place.open_appender()
    try:
        for event in store.new_events(lines):
            began = perf_counter()
            await appender.append(store.portal.origin, event)
            seconds.append(perf_counter() - began)
    finally:
        await appender.close()
    return seconds


async def _read(of: Filled) -> list[Sequence[float]]:
    """Ask for messages, pages, common words and rare ones; return how long each answer took."""
    random = Random(of.messages[-1])  # noqa: S311 - no secret
    some = random.choices(of.messages, k=_READS)
    chats = list(islice(cycle(of.chats), _READS // 4))
    async with running_server(of.store) as port:
        asked = (
            messages_of(of, port, some),
            pages_of(of, port, chats),
            searches_of(of, port, COMMON_WORDS, _SEARCHES),
            searches_of(of, port, RARE_WORDS, _SEARCHES),
        )
        return [(await asked_of(each)).latencies for each in asked]
