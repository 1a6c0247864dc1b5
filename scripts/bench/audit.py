"""What auditors ask: messages and pages as of a moment, 16 connections; and searches."""

import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from random import Random
from typing import Final, NamedTuple

from sqlalchemy import func, select

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.tokens import Tokens
from projections.messages import message
from scripts.bench.commands import running_server
from scripts.bench.engines import Engine, in_turns
from scripts.bench.measures import Measure, Round, percentile
from scripts.bench.read_load import Reads, Replies
from scripts.bench.reads import (
    COMMON_WORDS,
    P95,
    RARE_WORDS,
    SEARCHED_IN,
    Filled,
    asked_of,
    fill_to_read,
    messages_of,
    rate,
    searches_of,
)
from scripts.bench.store import SLUG

_PAGE: Final = 50
_NOW: Final = "the same as it is now"
_WORDS: Final = {"a common word": COMMON_WORDS, "a rare word": RARE_WORDS}
_MOMENTS: Final = 7 / 8, 1
"""Positions that are asked for, as shares of the head: what was known a while ago."""


class _Round(NamedTuple):
    """What was answered in one round."""

    now: Replies
    then: Replies
    page: Replies
    searches: dict[str, Replies]


async def audit(
    engines: Sequence[Engine], *, rounds: int, events: int, count: int
) -> list[Measure]:
    """Ask a server that has projected some events what was, and for words."""
    stores = {engine: await _filled(engine, events) for engine in engines}

    async def measure(engine: Engine, number: int) -> _Round:
        of, head = stores[engine]
        random = Random(number)  # noqa: S311 - no secret
        known = of.messages[: int(len(of.messages) * _MOMENTS[0])]
        some = random.choices(known, k=count)
        chats = list(islice(cycle(of.chats), count // 4))
        positions = [int(head * random.uniform(*_MOMENTS)) for _ in some]
        async with running_server(of.store) as port:
            now = await asked_of(messages_of(of, port, some))
            then = await asked_of(_then(of, port, some, positions))
            page = await asked_of(_pages(of, port, chats, positions))
            searches = {
                name: await asked_of(searches_of(of, port, words, count // 20))
                for name, words in _WORDS.items()
            }
        return _Round(now, then, page, searches)

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in _measures(engine, found)
    ]


def _measures(engine: Engine, found: Sequence[_Round]) -> Iterator[Measure]:
    yield Measure.of_rounds(
        engine.name,
        "GET one message as of a position",
        "requests/s",
        [Round(rate(each.then), {_NOW: rate(each.now)}) for each in found],
        of={_NOW: 0.5},
    )
    yield _late(
        engine,
        f"GET a chat page of {_PAGE} as of a position",
        0.99,
        60,
        [each.page for each in found],
    )
    for name in _WORDS:
        searches = [each.searches[name] for each in found]
        yield _late(engine, f"search {name}, one at a time", P95, SEARCHED_IN, searches)


def _late(
    engine: Engine, name: str, share: float, at_most: float, found: Sequence[Replies]
) -> Measure:
    return Measure.of_rounds(
        engine.name,
        f"{name}, p{100 * share:.0f}",
        "ms",
        [Round(1_000 * percentile(replies.latencies, share)) for replies in found],
        at_most=at_most,
    )


async def _filled(engine: Engine, events: int) -> tuple[Filled, int]:
    """Make a store, with a token that sees what was taken back; return it with its head."""
    of = await fill_to_read(engine, "audit", events)
    catalog = await Catalog.open(of.store.place)
    try:
        _, token = await Tokens(catalog).create(
            portals=[SLUG],
            scopes=["messages:read", "messages:read.deleted"],
            now=time.time_ns() // 1000,
        )
    finally:
        await catalog.close()
    pool = Pool(of.generation, 1)
    try:
        async with pool.reading() as session:
            ((head,),) = await session.rows(select(func.max(message.c.first_position)))
    finally:
        await pool.close()
    return of._replace(headers={"Authorization": f"Bearer {token}"}), head


def _then(of: Filled, port: int, some: Sequence[int], positions: Sequence[int]) -> Reads:
    paths = [
        f"/v1/portals/{SLUG}/messages/{each}?as_of_position={position}"
        for each, position in zip(some, positions, strict=True)
    ]
    return Reads(port, paths, [f'"id":"{each}"' for each in some], of.headers)


def _pages(of: Filled, port: int, chats: Sequence[int], positions: Sequence[int]) -> Reads:
    paths = [
        f"/v1/portals/{SLUG}/chats/{chat}/messages?limit={_PAGE}&as_of_position={position}"
        for chat, position in zip(chats, positions, strict=False)
    ]
    return Reads(port, paths, [f'"chat_id":"{chat}"' for chat in chats], of.headers)
