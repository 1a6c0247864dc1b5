"""A whole server in this process, and what its clients and its files say."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
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
from eventstore.tokens import Tokens
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
    """A store with a portal in its catalog, by default the samples' own, and what clients need."""

    store: Store
    ingest_key: str
    token: str
    slug: str = SLUG
    member_id: str = MEMBER_ID


@dataclass(frozen=True, kw_only=True)
class Served(Registered):
    """A server that runs in this process, with a client."""

    state: State
    client: httpx.AsyncClient
    app: ASGIApp

    @property
    def portal(self) -> Portal:
        return self.state.snapshot.portals[self.slug]

    async def another(self) -> "Served":
        """Register one more portal, from which the samples are then: nobody else writes to it."""
        name = f"portal-{len(self.state.snapshot.portals)}"
        ingest_key, token = await _register(self.state.catalog, name, name)
        await self.state.refresh()
        return replace(self, ingest_key=ingest_key, token=token, slug=name, member_id=name)

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
            f"/v1/portals/{self.slug}/events",
            params={"receiver": receiver},
            content=body,
            headers={"Content-Type": content_type, "Authorization": f"Bearer {self.token}"},
        )

    async def read_models(self) -> Rows:
        """Project all that was appended; give what is said of the portal, positions aside."""
        await self.state.live.catch_up()
        return await read_models(self.generation, self.portal.id)

    @property
    def generation(self) -> Place:
        """Where the read models of the portal are."""
        return self.store.generation(self.state.live.generation(self.portal.id))


async def register(store: Store) -> Registered:
    """Make a store and its catalog, with one portal and a token that may write to it."""
    catalog = await Catalog.open(store, create=True)
    try:
        return Registered(store, *await _register(catalog, SLUG, MEMBER_ID))
    finally:
        await catalog.close()


async def _register(catalog: Catalog, slug: str, member_id: str) -> tuple[str, str]:
    """Add a portal to which the samples' application token writes; give its ingest key, a token."""
    key = await catalog.add_portal(slug, member_id, now=NOW, application_tokens=[APPLICATION_TOKEN])
    _, token = await Tokens(catalog).create(portals=[slug], scopes=["events:write"], now=NOW)
    return key, token


@asynccontextmanager
async def serving(store: Store, **changes: Any) -> AsyncIterator[Served]:
    """Run a server on a fresh store. It projects when asked to, unless `project` is set."""
    async with serving_again(await register(store), **changes) as served:
        yield served


@asynccontextmanager
async def serving_again(registered: Registered, **changes: Any) -> AsyncIterator[Served]:
    """Run a server on a store that has a portal."""
    with tempfile.TemporaryDirectory() as spool:
        store = registered.store
        settings = Settings(
            **{
                "database": environment(store)["CHRONICLE_DATABASE"],
                "secret_key_file": store.secret_key,
                "project": False,
                "spool": Path(spool),
                "exports": Path(spool) / "exports",
                **changes,
            }
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app) as shared:
            assert shared is not None
            with_state = _with_state(app, shared)
            transport = httpx.ASGITransport(with_state)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://chronicle"
            ) as client:
                yield Served(
                    **vars(registered), state=shared["chronicle"], client=client, app=with_state
                )


def _with_state(app: ASGIApp, shared: Mapping[str, Any]) -> ASGIApp:
    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(shared)}, receive, send)

    return run


async def deliver(served: Served, name: str) -> httpx.Response:
    """Deliver a sample by the way that it comes: a webhook to its door, all else as a batch."""
    body = samples.sample(name).replace(MEMBER_ID.encode(), served.member_id.encode())
    if name.endswith(".form"):
        return await served.hook(body)
    if name in samples.WEBHOOKS:
        return await served.hook(body, JSON)
    return await served.feed(body)


async def read_models(generation: Place, portal_id: int) -> Rows:
    """Give the rows of a portal in a generation, without the columns of portals and positions."""
    return {name: await _without_positions(generation, name, portal_id) for name in READ_MODELS}


async def _without_positions(generation: Place, name: str, portal_id: int) -> list[tuple[Any, ...]]:
    columns = [column.name for column in metadata.tables[name].columns]
    kept = ", ".join(
        column for column in columns if column != "portal_id" and not column.endswith("position")
    )
    said = f"SELECT {kept} FROM {name} WHERE portal_id = {portal_id}"  # noqa: S608
    # every column takes part in the order, so that equal sets of rows are equal lists
    return sorted(await query(generation, said), key=repr)
