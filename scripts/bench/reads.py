"""Reading over HTTP, 16 connections: a message, its versions, a page of a chat."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from random import Random
from typing import Final, NamedTuple
from urllib.parse import quote

from sqlalchemy import text

from eventstore.catalog import Catalog
from eventstore.database import Place, Pool
from eventstore.database.postgresql import PostgresSchema
from eventstore.database.sqlite import SqliteFile
from eventstore.tokens import Tokens
from scripts.bench.commands import asked, run_command, running_program, running_server
from scripts.bench.engines import Engine, in_turns
from scripts.bench.environments import program
from scripts.bench.events import generate
from scripts.bench.measures import Measure, Round, WrongAnswer, percentile
from scripts.bench.peers import DATASETTE
from scripts.bench.read_load import READS, REPLIES, Reads, Replies
from scripts.bench.store import SLUG, Store, fill, new_store

_SEED: Final = 5
_PAGE: Final = 50
P95: Final = 0.95
_P99: Final = 0.99
SEARCHED_IN: Final = 100.0
"""Milliseconds in which 95 of 100 searches are to be answered."""

_MESSAGES: Final = text("SELECT message_id FROM message ORDER BY message_id")
_CHATS: Final = text(
    "SELECT chat_id FROM message WHERE chat_id IS NOT NULL"
    " GROUP BY chat_id HAVING count(*) >= :size ORDER BY chat_id"
)

_ONE: Final = "GET one message"
_CHAIN: Final = "GET its versions"
_TIMELINE: Final = f"GET a chat page of {_PAGE}"

COMMON_WORDS: Final = ("release", "plan", "invoice", "deploy", "договор", "спасибо")
RARE_WORDS: Final = ("v4", "v5", "v6", "v7")
"""What texts of messages that were edited so often end with."""

_FLOOR: Final = "a bare Starlette, one prepared statement"
_ROW_PAGE: Final = "Datasette's row page"


class Filled(NamedTuple):
    """A store that is read: its read models, what is in them, and who may ask."""

    store: Store
    generation: Place
    messages: list[int]
    chats: list[int]
    headers: Mapping[str, str]


class _Round(NamedTuple):
    """What was answered in one round."""

    message: Replies
    versions: Replies
    page: Replies
    floor: Replies
    datasette: Replies | None


async def reads(
    engines: Sequence[Engine], *, rounds: int, events: int, count: int, peers: bool
) -> list[Measure]:
    """Ask a server that has projected some events; beside it, ask others for the same rows."""
    stores = {engine: await fill_to_read(engine, "reads", events) for engine in engines}

    async def measure(engine: Engine, number: int) -> _Round:
        of = stores[engine]
        some = Random(number).choices(of.messages, k=count)  # noqa: S311 - no secret
        chats = list(islice(cycle(of.chats), count // 4))
        async with running_server(of.store) as port:
            message = await asked_of(messages_of(of, port, some))
            versions = await asked_of(_versions(of, port, some))
            page = await asked_of(pages_of(of, port, chats))
        async with running_server(of.store, *_floor(of.generation)) as port:
            floor = await asked_of(_rows(port, "/messages/{}", '"message_id":{}', some))
        row_page = None
        if peers and isinstance(of.generation, SqliteFile):
            path, contained = "/read/message/1,{}.json?_shape=objects", '"message_id": {}'
            async with _datasette(of.generation) as port:
                row_page = await asked_of(_rows(port, path, contained, some[: count // 4]))
        return _Round(message, versions, page, floor, row_page)

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in _measures(engine, found)
    ]


def _measures(engine: Engine, found: Sequence[_Round]) -> Iterator[Measure]:
    sqlite = engine.name == "SQLite"
    yield Measure.of_rounds(
        engine.name,
        f"{_ONE}, 16 connections",
        "requests/s",
        [Round(rate(of_round.message), _beside(of_round)) for of_round in found],
        at_least=4_000 if sqlite else 3_000,
        of={_FLOOR: 0.4, _ROW_PAGE: 3} if sqlite else {},
    )
    yield from _percentiles(engine, _ONE, [of_round.message for of_round in found])
    versions = [of_round.versions for of_round in found]
    yield Measure.of_rounds(
        engine.name, _CHAIN, "requests/s", [Round(rate(each)) for each in versions]
    )
    yield from _percentiles(engine, _CHAIN, versions)
    pages = [of_round.page for of_round in found]
    yield Measure.of_rounds(
        engine.name,
        _TIMELINE,
        "requests/s",
        [Round(rate(replies)) for replies in pages],
        at_least=1_500 if sqlite else 1_200,
    )
    yield from _percentiles(engine, _TIMELINE, pages, 40 if sqlite else None)


def _percentiles(
    engine: Engine, name: str, found: Sequence[Replies], at_most: float | None = None
) -> Iterator[Measure]:
    for share in (0.5, _P99):
        yield Measure.of_rounds(
            engine.name,
            f"{name}, p{100 * share:.0f}",
            "ms",
            [Round(1_000 * percentile(replies.latencies, share)) for replies in found],
            at_most=at_most if share == _P99 else None,
        )


def _beside(found: _Round) -> dict[str, float]:
    others = {_FLOOR: rate(found.floor)}
    if found.datasette is not None:
        others[_ROW_PAGE] = rate(found.datasette)
    return others


def rate(replies: Replies) -> float:
    """Return how many requests were answered in a second."""
    return len(replies.latencies) / replies.seconds


async def fill_to_read(engine: Engine, name: str, events: int) -> Filled:
    """Make a store of some events, and its read models."""
    store = await new_store(await engine.new_store(name))
    await fill(store, generate(events, _SEED))
    run_command(store, "rebuild")
    return await filled(store)


async def filled(store: Store) -> Filled:
    """Look at what there is to be read, and make a token for it."""
    catalog = await Catalog.open(store.place)
    try:
        _, token = await Tokens(catalog).create(
            portals=[SLUG], scopes=["messages:read"], now=time.time_ns() // 1000
        )
        number = (await catalog.snapshot()).portal(SLUG).generation
    finally:
        await catalog.close()
    generation = store.place.generation(number)
    pool = Pool(generation, 1)
    try:
        async with pool.reading() as session:
            messages = [int(row[0]) for row in await session.rows(_MESSAGES)]
            chats = [int(row[0]) for row in await session.rows(_CHATS, size=_PAGE)]
    finally:
        await pool.close()
    headers = {"Authorization": f"Bearer {token}"}
    return Filled(store, generation, messages, chats, headers)


def messages_of(of: Filled, port: int, some: Sequence[int]) -> Reads:
    """Ask for messages, one by one."""
    paths = [f"/v1/portals/{SLUG}/messages/{message}" for message in some]
    return Reads(port, paths, [f'"id":"{message}"' for message in some], of.headers)


def _versions(of: Filled, port: int, some: Sequence[int]) -> Reads:
    paths = [f"/v1/portals/{SLUG}/messages/{message}/versions" for message in some]
    return Reads(port, paths, ['"version":1'] * len(some), of.headers)


def pages_of(of: Filled, port: int, chats: Sequence[int]) -> Reads:
    """Ask for the first page of chats."""
    paths = [f"/v1/portals/{SLUG}/chats/{chat}/messages?limit={_PAGE}" for chat in chats]
    return Reads(port, paths, [f'"chat_id":"{chat}"' for chat in chats], of.headers)


def searches_of(of: Filled, port: int, words: Sequence[str], count: int) -> Reads:
    """Search for words, one after the other."""
    some = islice(cycle(words), count)
    paths = [f"/v1/portals/{SLUG}/messages?q={quote(word)}&limit={_PAGE}" for word in some]
    return Reads(port, paths, ['"data":['] * count, of.headers, connections=1)


def _rows(port: int, path: str, contained: str, some: Sequence[int]) -> Reads:
    """Ask somebody else for the rows of messages."""
    paths = [path.format(message) for message in some]
    return Reads(port, paths, [contained.format(message) for message in some])


async def asked_of(load: Reads) -> Replies:
    """Ask for everything. Raises WrongAnswer when an answer is not what it must be."""
    said = await asked("scripts.bench.read_load", READS.dump_json(load))
    replies = REPLIES.validate_json(said)
    if replies.wrong:
        raise WrongAnswer(
            f"{replies.wrong} of {len(load.paths)} answers did not say what they must"
        )
    return replies


def _floor(generation: Place) -> Sequence[str]:
    module = "scripts.bench.read_floor_server"
    if isinstance(generation, PostgresSchema):
        return module, generation.server.url, generation.schema
    if isinstance(generation, SqliteFile):
        return module, str(generation.path), ""
    raise TypeError(generation)


@asynccontextmanager
async def _datasette(generation: SqliteFile) -> AsyncIterator[int]:
    alias = generation.path.with_name("read.db")  # whose name is in the address
    alias.unlink(missing_ok=True)
    alias.symlink_to(generation.path)
    command = program(DATASETTE, "datasette"), "serve", "-i", str(alias), "--setting"
    async with running_program([*command, "sql_time_limit_ms", "5000"]) as port:
        yield port
