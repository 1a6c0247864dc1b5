"""What many tests read from: a store that holds every sample, and a server over a copy of it."""

import asyncio
import multiprocessing
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from hypothesis import settings
from pydantic_core import to_json
from starlette.requests import Request

from api.guesses import GuessedTokens
from eventstore.catalog import Catalog
from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from eventstore.tokens import Tokens
from tests import samples
from tests.engines import ENGINES
from tests.exports import place_example
from tests.forking import FORKING
from tests.postgresql.databases import Databases
from tests.promises.server import (
    JSON,
    MEMBER_ID,
    NOW,
    SLUG,
    Registered,
    Served,
    deliver,
    serving_again,
)

pytest_plugins = ["tests.postgresql.fixtures", "tests.sql_of_the_suite"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("chronicle", deadline=None)
settings.load_profile("chronicle")

OTHER: Final = "globex"
"""A portal beside the samples' own, with other words under the same numbers."""

OTHER_WORDS: Final = {
    "Priya Nair": "Petra Nord",
    "Release 4.2 war room": "Kitchen",
    "please log the rollout plan": "who took the milk",
    "fire": "kiss",
}
"""What the other portal says, by what the samples say."""

_EVERYTHING: Final = ("messages:read", "messages:read.deleted", "events:read", "export", "audit")

TOKENS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "everything": ((SLUG,), _EVERYTHING),
    "messages": ((SLUG,), ("messages:read",)),
    "events": ((SLUG,), ("events:read",)),
    "writer": ((SLUG, OTHER), ("events:write",)),
    "auditor": ((SLUG,), ("audit",)),
    "other": ((OTHER,), _EVERYTHING),
    "exporter": ((SLUG,), ("export",)),
    "both": ((SLUG, OTHER), ("messages:read", "events:read")),
    "nowhere": ((), ("messages:read", "events:read")),
}
"""The portals and scopes of each token, by the name that tests call it."""


@dataclass(frozen=True)
class Reader:
    """Reads from a server as somebody who has one of the tokens."""

    served: Served
    tokens: Mapping[str, str]

    async def get(self, path: str, *, token: str = "everything", **query: Any) -> httpx.Response:  # noqa: S107 - a name
        """Ask for an address below /v1; a `_` behind a parameter's name is dropped."""
        return await self.served.client.get(
            f"/v1{path}",
            params={name.removesuffix("_"): value for name, value in query.items()},
            headers={"Authorization": f"Bearer {self.tokens[token]}"},
        )

    async def read(self, path: str, *, token: str = "everything", **query: Any) -> Any:  # noqa: S107 - a name
        """Return what an address of the samples' portal answers, which must be an answer."""
        response = await self.get(f"/portals/{SLUG}{path}", token=token, **query)
        assert response.status_code == 200, response.text
        return response.json()

    async def walk(self, path: str, **query: Any) -> list[list[Any]]:
        """Return all pages of a list; every page but the last must be full."""
        pages: list[list[Any]] = []
        cursor: Mapping[str, str] = {}
        while True:
            answer = await self.read(path, **query, **cursor)
            pages.append(answer["data"])
            if answer["page"]["next"] is None:
                return pages
            assert len(answer["data"]) == query["limit"]
            cursor = {"cursor": answer["page"]["next"]}


@pytest.fixture(scope="session", autouse=True)
def processes_begin_at_once() -> Iterator[None]:
    """Fork the processes that the code starts from here: each would take a second to import all.

    Servers and commands in processes of their own start theirs as they always do.
    """
    as_always = multiprocessing.get_context

    def get_context(method: str | None = None) -> Any:
        return FORKING if method == "spawn" else as_always(method)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", get_context)
        yield


@pytest.fixture(params=ENGINES)
async def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store for one test, with nothing in it: not even its tables."""
    if request.param == "sqlite":
        yield Folder(tmp_path / "data")
        return
    databases: Databases = request.getfixturevalue("postgresql")
    async with databases.database() as url:
        yield PostgresStore(url, tmp_path / "secret.key")


@dataclass(frozen=True)
class Filled:
    """A store that holds every sample, its tokens by name, and how a test gets a copy of it."""

    registered: Registered
    tokens: Mapping[str, str]
    copied: Callable[[Path], AbstractAsyncContextManager[Store]]


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Every sample, an event that nobody can decode, and a body nobody can read, on SQLite."""
    folder = Folder(tmp_path_factory.mktemp("store"))

    @asynccontextmanager
    async def copied(path: Path) -> AsyncIterator[Store]:
        shutil.copytree(folder.path, path / "store")
        yield Folder(path / "store")

    return Filled(*asyncio.run(_fill(folder)), copied)


@pytest.fixture(scope="session")
def filled_database(postgresql: Databases, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The same on PostgreSQL."""
    key_file = tmp_path_factory.mktemp("store") / "secret.key"
    template = f"filled_{uuid4().hex}"  # each worker of the tests has its own key
    filled: list[tuple[Registered, Mapping[str, str]]] = []

    async def fill(url: str) -> None:
        filled.append(await _fill(PostgresStore(url, key_file)))

    @asynccontextmanager
    async def copied(_path: Path) -> AsyncIterator[Store]:
        async with postgresql.database(template) as url:
            yield PostgresStore(url, key_file)

    asyncio.run(postgresql.prepare(template, fill))
    return Filled(*filled[0], copied)


@pytest.fixture(scope="session", params=ENGINES)
def filled(request: pytest.FixtureRequest) -> Filled:
    """A store that holds every sample, for tests that take a copy of it."""
    names = {"sqlite": "filled_folder", "postgresql": "filled_database"}
    found: Filled = request.getfixturevalue(names[request.param])
    return found


class _Unhurried(GuessedTokens):
    """Lets many tests show tokens that are none, and waits for nobody."""

    async def slow_down(self, request: Request) -> None:
        """Go on."""


@pytest.fixture(scope="session")
async def reader(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    """A server over a store that holds every sample, for all tests that change nothing there."""
    async with _reading(filled, tmp_path_factory.mktemp("reader")) as reader:
        reader.served.state.guessed_tokens = _Unhurried(0)
        yield reader


@pytest.fixture(scope="session")
async def scratch(
    filled: Filled, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Reader]:
    """Another one, for tests that do not mind what the others have done to it."""
    async with _reading(filled, tmp_path_factory.mktemp("scratch")) as reader:
        reader.served.state.guessed_tokens = _Unhurried(0)
        yield reader


@pytest.fixture
async def own_reader(filled: Filled, tmp_path: Path) -> AsyncIterator[Reader]:
    """The same for one test, which may change what is there."""
    async with _reading(filled, tmp_path) as reader:
        yield reader


@asynccontextmanager
async def _reading(filled: Filled, path: Path) -> AsyncIterator[Reader]:
    async with (
        filled.copied(path) as store,
        serving_again(replace(filled.registered, store=store)) as served,
    ):
        await served.state.live.catch_up()
        await asyncio.to_thread(place_example, served)
        yield Reader(served, filled.tokens)


async def _fill(store: Store) -> tuple[Registered, Mapping[str, str]]:
    catalog = await Catalog.open(store, create=True)
    try:
        key = await catalog.add_portal(SLUG, MEMBER_ID, now=NOW)
        other_key = await catalog.add_portal(OTHER, "another-member", now=NOW)
        tokens = {name: await _token(catalog, name) for name in TOKENS}
        tokens |= {"expired": await _token(catalog, "everything", expires_at=NOW)}
        tokens |= {"revoked": await _token(catalog, "everything", revoked=True)}
    finally:
        await catalog.close()
    registered = Registered(store, key, tokens["writer"])
    async with serving_again(registered) as served:
        for name in [*samples.FORMS, *samples.ITEMS, *samples.PAGES]:
            await deliver(served, name)
        unknown = samples.tree("legacy/onimbotmessageadd.json") | {"event": "ONSOMETHINGNEW"}
        await served.hook(to_json(unknown), JSON)
        await served.hook(b"{", JSON)
        for name in samples.ITEMS:
            if name.endswith("reactionchange_delete.json"):
                continue  # there, the reaction is still held
            await served.client.post(
                f"/v1/portals/{OTHER}/events",
                content=_in_other_words(samples.sample(name)),
                headers={"Authorization": f"Bearer {tokens['writer']}"},
            )
        other = replace(served, ingest_key=other_key)
        await other.hook(b'{"event": "ONSOMETHINGELSE"}', JSON)
        await other.hook(b"[", JSON)
        await served.state.live.catch_up()
    return registered, tokens


def _in_other_words(body: bytes) -> bytes:
    for said, other in OTHER_WORDS.items():
        body = body.replace(said.encode(), other.encode())
    return body.replace(b'"parentMessageId": 190388', b'"parentMessageId": 190411')


async def _token(
    catalog: Catalog, name: str, *, expires_at: int | None = None, revoked: bool = False
) -> str:
    portals, scopes = TOKENS[name]
    token_id, token = await Tokens(catalog).create(
        portals=portals, scopes=scopes, now=NOW, expires_at=expires_at
    )
    if revoked:
        await Tokens(catalog).revoke(token_id, now=NOW)
    return token
