"""What it costs to record who reads: the same reads, with the access log and without."""

from collections.abc import Sequence
from random import Random
from typing import Final

from scripts.bench.commands import running_server
from scripts.bench.engines import Engine, in_turns
from scripts.bench.measures import Measure, Round
from scripts.bench.reads import asked_of, fill_to_read, messages_of, rate

_WITHOUT: Final = "the same, not recorded"
_GOAL: Final = 0.75


async def access(
    engines: Sequence[Engine], *, rounds: int, events: int, count: int
) -> list[Measure]:
    """Ask a server for messages, then one that is the same but for its access log."""
    stores = {engine: await fill_to_read(engine, "access", events) for engine in engines}

    async def measure(engine: Engine, number: int) -> Round:
        of = stores[engine]
        some = Random(number).choices(of.messages, k=count)  # noqa: S311 - no secret
        async with running_server(of.store) as port:
            recorded = await asked_of(messages_of(of, port, some))
        async with running_server(of.store, "scripts.bench.unrecorded_server") as port:
            unrecorded = await asked_of(messages_of(of, port, some))
        return Round(rate(recorded), {_WITHOUT: rate(unrecorded)})

    return [
        Measure.of_rounds(
            engine.name,
            "GET one message, recorded, 16 connections",
            "requests/s",
            found,
            of={_WITHOUT: _GOAL},
        )
        for engine, found in await in_turns(engines, rounds, measure)
    ]
