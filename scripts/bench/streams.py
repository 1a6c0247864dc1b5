"""What is new, streamed to many: how late it is, after it was appended."""

import time
from collections.abc import Sequence
from typing import Final

from eventstore.catalog import Catalog
from eventstore.tokens import Tokens
from scripts.bench.commands import asked, running_server
from scripts.bench.engines import Engine, in_turns
from scripts.bench.measures import Measure, WrongAnswer, percentile
from scripts.bench.store import SLUG, new_store
from scripts.bench.stream_load import FOLLOWED, FOLLOWING, Followed, Following

_SEED: Final = 13
_RATE: Final = 200
_CLIENTS: Final = 100
_P99: Final = 0.99


async def streams(
    engines: Sequence[Engine], *, rounds: int, seconds: int, steady: bool
) -> list[Measure]:
    """Append 200 events a second while 100 clients follow what changed, then what was appended.

    A load that could not be kept up is a wrong answer, if it must be `steady`.
    """
    return [
        measure
        for what in ("changes", "events")
        for measure in await _streams(what, engines, rounds, seconds if steady else 0, seconds)
    ]


async def _streams(
    what: str, engines: Sequence[Engine], rounds: int, within: int, seconds: int
) -> list[Measure]:
    async def measure(engine: Engine, number: int) -> Followed:
        store = await new_store(await engine.new_store(f"streams-{what}-{number}"))
        catalog = await Catalog.open(store.place)
        try:
            scopes, now = ("messages:read", "events:read"), time.time_ns() // 1000
            _, token = await Tokens(catalog).create(portals=[SLUG], scopes=scopes, now=now)
        finally:
            await catalog.close()
        async with running_server(store) as port:
            hook, path = f"/v1/hooks/{store.ingest_key}", f"/v1/portals/{SLUG}/{what}"
            count, seed = _RATE * seconds, _SEED + number
            load = Following(port, hook, path, token, count, seed, _RATE, _CLIENTS)
            said = await asked(
                "scripts.bench.stream_load", FOLLOWING.dump_json(load), store.environment
            )
        return _checked(FOLLOWED.validate_json(said), within)

    found = await in_turns(engines, rounds, measure)
    return [
        Measure(
            engine.name,
            f"appended to each of {_CLIENTS} who follow {what}, p{100 * share:.0f}",
            "ms",
            [1_000 * percentile(of_round.delays, share) for of_round in of_engine],
            at_most=150 if share == _P99 else None,
        )
        for engine, of_engine in found
        for share in (0.5, _P99)
    ]


def _checked(followed: Followed, within: int) -> Followed:
    """Everybody was told all that is listed, once, in its order."""
    if within and followed.seconds > within * 1.1:
        raise WrongAnswer(f"{within} s of webhooks took {followed.seconds:.1f} s")
    for number, told in enumerate(followed.told):
        if told != followed.listed:
            raise WrongAnswer(f"client {number}: {len(told)} told, {len(followed.listed)} listed")
    return followed
