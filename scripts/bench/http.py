"""Webhooks over HTTP: how many a second, how late, and how soon they are readable."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eventstore.body import parse_body
from scripts.bench.commands import asked, running_server
from scripts.bench.engines import Engine, in_turns
from scripts.bench.events import webhooks
from scripts.bench.load import ANSWERS, LOAD, Answers, Load
from scripts.bench.measures import Measure, Round, WrongAnswer, percentile
from scripts.bench.store import Store, check_log, identity, new_store

_SEED: Final = 11
_RATE: Final = 500
_P99: Final = 0.99
_WARM: Final = 0.1
"""The share of a load after which answers count for the percentiles: a server starts once."""

_FLOOR: Final = "a bare Starlette, a commit each"


class _Both(NamedTuple):
    """What our server answered in one round, and the bare one."""

    ours: Answers
    bare: Answers


async def http(engines: Sequence[Engine], *, rounds: int, count: int) -> list[Measure]:
    """Send webhooks over 32 connections to the real server with its projector, and to the floor."""

    async def measure(engine: Engine, number: int) -> _Both:
        store = await new_store(await engine.new_store(f"http-{number}"))
        async with running_server(store) as port:
            load = Load(port, f"/v1/hooks/{store.ingest_key}", count, _SEED + number)
            ours = await _answers(store, load)
        await _check(store, load, ours)
        module = "scripts.bench.floor_server", await engine.new_bare(f"http-{number}")
        async with running_server(store, *module) as port:
            bare = await _answers(store, Load(port, "/", count, _SEED + number))
        return _Both(ours, bare)

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in _of_answers(engine, found, count)
    ]


def _of_answers(engine: Engine, found: Sequence[_Both], count: int) -> Iterator[Measure]:
    on_sqlite = engine.name == "SQLite"
    yield Measure.of_rounds(
        engine.name,
        "webhooks over 32 connections",
        "requests/s",
        [Round(count / both.ours.seconds, {_FLOOR: count / both.bare.seconds}) for both in found],
        at_least=2_000 if on_sqlite else None,
    )
    for share in (0.5, _P99):
        yield Measure.of_rounds(
            engine.name,
            f"the same, p{100 * share:.0f} of the answers",
            "ms",
            [Round(_late(both.ours, share), {_FLOOR: _late(both.bare, share)}) for both in found],
            at_most=50 if on_sqlite and share == _P99 else None,
        )


def _late(answers: Answers, share: float) -> float:
    warm = answers.latencies[int(len(answers.latencies) * _WARM) :]
    return 1_000 * percentile(warm, share)


async def readable(
    engines: Sequence[Engine], *, rounds: int, seconds: int, steady: bool
) -> list[Measure]:
    """Send 500 webhooks a second; watch from another process when the read models have them.

    A load that could not be kept up is a wrong answer, if it must be `steady`.
    """

    async def measure(engine: Engine, number: int) -> Sequence[float]:
        store = await new_store(await engine.new_store(f"readable-{number}"))
        async with running_server(store) as port:
            path, count = f"/v1/hooks/{store.ingest_key}", _RATE * seconds
            load = Load(port, path, count, _SEED + number, rate=_RATE, watched=True)
            answers = await _answers(store, load)
        await _check(store, load, answers)
        if steady and answers.seconds > seconds * 1.1:
            raise WrongAnswer(f"{load.count} requests took {answers.seconds:.1f} s")
        return answers.delays

    return [
        Measure(
            engine.name,
            f"answered to readable, p{100 * share:.0f}",
            "ms",
            [1_000 * percentile(of_round, share) for of_round in found],
            at_most=150 if engine.name == "SQLite" and share == _P99 else None,
        )
        for engine, found in await in_turns(engines, rounds, measure)
        for share in (0.5, _P99)
    ]


async def _answers(store: Store, load: Load) -> Answers:
    said = await asked("scripts.bench.load", LOAD.dump_json(load), store.environment)
    return ANSWERS.validate_json(said)


async def _check(store: Store, load: Load, answers: Answers) -> None:
    """Each event is where its answer said, and no connection was overtaken by itself."""
    newest: dict[int, int] = {}
    for position, connection in zip(answers.positions, answers.by, strict=True):
        if position <= newest.get(connection, 0):
            raise WrongAnswer(f"connection {connection} went back to position {position}")
        newest[connection] = position
    sent = zip(answers.positions, webhooks(load.count, load.seed), strict=True)
    placed = {position: identity(parse_body(body)) for position, body in sent}
    await check_log(store, [placed[position] for position in sorted(placed)])
