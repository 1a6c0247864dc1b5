"""A whole server in this process, and what its clients and its files say."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.settings import Settings
from api.state import State
from eventstore.catalog import Catalog
from eventstore.database import Place
from eventstore.directory import Portal
from eventstore.store import Store
from projections.tables import metadata
from tests import samples
from tests.engines import environment, query

SLUG: Final = "acme"
MEMBER_ID: Final = "fakememberid00000000000000000001"
APPLICATION_TOKEN: Final = "FAKE_APPLICATION_TOKEN_0001"  # noqa: S105  (the samples' own)
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
NOW: Final = 1_789_400_000_000_000

READ_MODELS: Final = (
    "message",
    "message_version",
    "reaction",
    "membership",
    "chat",
    "chat_version",
    "user_profile",
    "user_profile_version",
)

Rows = dict[str, list[tuple[Any, ...]]]
"""What is stored, by table, in the order of the rows."""


@dataclass(frozen=True)
class Registered:
    """A store with the samples' portal in its catalog, and what its clients need."""

    store: Store
    ingest_key: str
    token: str


@dataclass(frozen=True)
class Served(Registered):
    """A server that runs in this process, with a client."""

    state: State
    client: httpx.AsyncClient

    @property
    def portal(self) -> Portal:
        return self.state.snapshot.portals[SLUG]

    async def hook(self, body: bytes, content_type: str = FORM) -> httpx.Response:
        """Deliver a webhook's body."""
        return await self.client.post(
            f"/v1/hooks/{self.ingest_key}", content=body, headers={"Content-Type": content_type}
        )

    async def feed(
        self, body: bytes, *, receiver: str = "user:58", content_type: str = JSON
    ) -> httpx.Response:
        """Deliver a batch: items, pages, envelopes."""
        return await self.client.post(
            f"/v1/portals/{SLUG}/events",
            params={"receiver": receiver},
            content=body,
            headers={"Content-Type": content_type, "Authorization": f"Bearer {self.token}"},
        )

    async def read_models(self) -> Rows:
        """Project all that was appended, and give what the read models say, positions aside."""
        await self.state.live.catch_up()
        return await read_models(self.generation)

    @property
    def generation(self) -> Place:
        """Where the read models of the portal are."""
        return self.store.generation(self.state.live.generation(self.portal.id))


async def register(store: Store) -> Registered:
    """Make a store and its catalog, with one portal and a token that may write to it."""
    catalog = await Catalog.open(store, create=True)
    try:
        key = await catalog.add_portal(
            SLUG, MEMBER_ID, now=NOW, application_tokens=[APPLICATION_TOKEN]
        )
        _, token = await catalog.create_token(portals=[SLUG], scopes=["events:write"], now=NOW)
    finally:
        await catalog.close()
    return Registered(store, key, token)


@asynccontextmanager
async def serving(store: Store, **changes: Any) -> AsyncIterator[Served]:
    """Run a server on a fresh store. It projects when asked to, unless `project` is set."""
    async with serving_again(await register(store), **changes) as served:
        yield served


@asynccontextmanager
async def serving_again(registered: Registered, **changes: Any) -> AsyncIterator[Served]:
    """Run a server on a store that has a portal."""
    store = registered.store
    settings = Settings(
        **{
            "database": environment(store)["CHRONICLE_DATABASE"],
            "secret_key_file": store.secret_key,
            "project": False,
            **changes,
        }
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app) as shared:
        assert shared is not None
        transport = httpx.ASGITransport(_with_state(app, shared))
        async with httpx.AsyncClient(transport=transport, base_url="http://chronicle") as client:
            yield Served(
                store,
                registered.ingest_key,
                registered.token,
                shared["chronicle"],
                client,
            )


def _with_state(app: ASGIApp, shared: Mapping[str, Any]) -> ASGIApp:
    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(shared)}, receive, send)

    return run


async def deliver(served: Served, name: str) -> httpx.Response:
    """Deliver a sample by the way that it comes: a webhook to its door, all else as a batch."""
    if name.endswith(".form"):
        return await served.hook(samples.sample(name))
    if name in samples.WEBHOOKS:
        return await served.hook(samples.sample(name), JSON)
    return await served.feed(samples.sample(name))


async def read_models(generation: Place) -> Rows:
    """Give all rows of the read models of a generation, without the columns of positions."""
    return {name: await _without_positions(generation, name) for name in READ_MODELS}


async def _without_positions(generation: Place, name: str) -> list[tuple[Any, ...]]:
    columns = [column.name for column in metadata.tables[name].columns]
    kept = ", ".join(column for column in columns if not column.endswith("position"))
    # every column takes part in the order, so that equal sets of rows are equal lists
    return sorted(await query(generation, f"SELECT {kept} FROM {name}"), key=repr)  # noqa: S608
