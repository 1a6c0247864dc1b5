"""Webhooks over HTTP: how many a second, how late, and how soon they are readable."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eventstore.body import parse_body
from scripts.bench.commands import running_server
from scripts.bench.events import webhooks
from scripts.bench.load import ANSWERS, LOAD, Answers, Load
from scripts.bench.measures import Measure, WrongAnswer, percentile
from scripts.bench.store import Store, check_log, identity, new_store

_SEED: Final = 11
_RATE: Final = 500
_P99: Final = 0.99
_WARM: Final = 0.1
"""The share of a load after which answers count for the percentiles: a server starts once."""

_FLOOR: Final = "a bare Starlette, a commit each"


async def http(folder: Path, *, rounds: int, count: int) -> list[Measure]:
    """Send webhooks over 32 connections to the real server with its projector, and to the floor."""
    ours: list[Answers] = []
    bare: list[Answers] = []
    for number in range(rounds):
        store = await new_store(folder / f"http-{number}")
        async with running_server(store) as port:
            load = Load(port, f"/v1/hooks/{store.ingest_key}", count, _SEED + number)
            ours.append(await _answers(load))
        await _check(store, load, ours[-1])
        module = "scripts.bench.floor_server", str(folder / f"http-{number}.db")
        async with running_server(store, *module) as port:
            bare.append(await _answers(Load(port, "/", count, _SEED + number)))
    return [
        Measure(
            "webhooks over 32 connections",
            "requests/s",
            [count / answers.seconds for answers in ours],
            [count / answers.seconds for answers in bare],
            _FLOOR,
            at_least=2_000,
        ),
        Measure(
            "the same, p50 of the answers",
            "ms",
            [1_000 * percentile(_warm(answers), 0.5) for answers in ours],
            [1_000 * percentile(_warm(answers), 0.5) for answers in bare],
            _FLOOR,
        ),
        Measure(
            "the same, p99 of the answers",
            "ms",
            [1_000 * percentile(_warm(answers), _P99) for answers in ours],
            [1_000 * percentile(_warm(answers), _P99) for answers in bare],
            _FLOOR,
            at_most=50,
        ),
    ]


def _warm(answers: Answers) -> Sequence[float]:
    return answers.latencies[int(len(answers.latencies) * _WARM) :]


async def readable(folder: Path, *, rounds: int, seconds: int, steady: bool) -> list[Measure]:
    """Send 500 webhooks a second; watch from another process when the read models have them.

    A load that could not be kept up is a wrong answer, if it must be `steady`.
    """
    delays: list[Sequence[float]] = []
    for number in range(rounds):
        store = await new_store(folder / f"readable-{number}")
        async with running_server(store) as port:
            load = Load(
                port,
                f"/v1/hooks/{store.ingest_key}",
                _RATE * seconds,
                _SEED + number,
                rate=_RATE,
                generation=str(store.folder.generation(1).path),
            )
            answers = await _answers(load)
        await _check(store, load, answers)
        if steady and answers.seconds > seconds * 1.1:
            raise WrongAnswer(f"{load.count} requests took {answers.seconds:.1f} s")
        delays.append(answers.delays)
    return [
        Measure(
            f"answered to readable, p{share:.0%}".rstrip("%"),
            "ms",
            [1_000 * percentile(of_round, share) for of_round in delays],
            at_most=150 if share == _P99 else None,
        )
        for share in (0.5, _P99)
    ]


async def _answers(load: Load) -> Answers:
    command = [sys.executable, "-m", "scripts.bench.load", LOAD.dump_json(load).decode()]
    # A file, not a pipe: of more than a pipe holds, a part was seen to get lost.
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(*command, stdout=said)
        if await process.wait() != 0:
            raise WrongAnswer("the load was not answered")
        said.seek(0)
        return ANSWERS.validate_json(said.read())


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
