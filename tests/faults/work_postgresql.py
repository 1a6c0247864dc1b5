"""What the children do on PostgreSQL: the real code, driven by as little as can be."""

import asyncio
from collections.abc import Iterator
from itertools import count, islice
from random import Random
from typing import Final

from eventstore.log import Pending
from eventstore.postgres_store import PostgresStore
from tests.eventstore.factories import new
from tests.faults.children import Voice
from tests.faults.postgresql_log import ORIGINS

WRITERS: Final = 8
"""Writers of one process."""

_MOST: Final = 20
"""Events that one of them appends together."""


def append_for_ever(voice: Voice, url: str, name: str) -> None:
    """Append events, some writers at a time: `ACK <key> <position>` each, the keys with a name."""
    asyncio.run(_append_for_ever(voice, PostgresStore(url), name))


async def _append_for_ever(voice: Voice, store: PostgresStore, name: str) -> None:
    appender = await store.open_appender()
    numbers: Iterator[int] = count()

    async def write(seed: int) -> None:
        random = Random(f"{name} {seed}")  # noqa: S311 - no secret
        while True:
            keys = [
                f"webhook:{name}-{number}" for number in islice(numbers, random.randint(1, _MOST))
            ]
            batch = [Pending(ORIGINS[1], new(key)) for key in keys]
            outcomes = await appender.append_all(batch)
            for key, outcome in zip(keys, outcomes, strict=True):
                voice.say(f"ACK {key} {outcome.position}")

    await asyncio.gather(*map(write, range(WRITERS)))
