"""The database goes away under a server that polls: all it fetched waits, or is asked again."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from eventstore.catalog import Catalog
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.postgres_store import PostgresStore
from tests.engines import query
from tests.faults.tallies import Tally
from tests.faults.test_database_down import kill, start
from tests.portal.people import READER, People
from tests.portal.portal import Portal
from tests.portal.server import serving
from tests.postgresql.server import private_server
from tests.promises.process import ServerProcess
from tests.promises.server import SLUG, register

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.long,
    pytest.mark.fault("database down while polling"),
]

PATIENCE: Final = 60
"""Seconds after which a poller that does not go on is taken to hang."""

AWAY: Final = 15
"""Seconds without the database: a few calls of a poller."""


async def test_what_is_polled_while_the_database_is_away_is_had_once(
    tally: Tally, tmp_path: Path
) -> None:
    portal = Portal()
    portal.queues.subscribe(READER)
    people = People(portal, Random(1))  # noqa: S311 - the same again is what we want
    hook = portal.add_webhook(READER)
    fate = portal.queues.fates[f"user:{READER}"]

    def live() -> None:
        for _ in range(40):
            portal.clock.advance(5)
            people.do()

    with private_server() as database:
        store = PostgresStore(database.url(), tmp_path / "secret.key")
        await register(store)
        async with serving(portal, tmp_path / "portal") as address:
            await _connect(store, address.webhook_url(hook))
            live()
            server = await asyncio.to_thread(
                ServerProcess,
                store,
                tmp_path / "server.log",
                CHRONICLE_POLL="true",
                CHRONICLE_CA_BUNDLE=str(address.ca_bundle),
                CHRONICLE_SPOOL=str(tmp_path / "spool"),
            )
            try:
                await _all_had(store, fate.written)
                live()
                await kill(database)
                live()
                await asyncio.sleep(AWAY)
                await start(database)
                live()
                await _all_had(store, fate.written)
            finally:
                await asyncio.to_thread(server.stop)
        tally.ran(acknowledged=len(fate.written))
        stored = await _stored(store)
    assert sorted(stored) == sorted(fate.written)


async def _connect(store: PostgresStore, url: str) -> None:
    catalog = await Catalog.open(store)
    try:
        of = (await catalog.snapshot()).portal(SLUG)
        await Connections(catalog).add(
            of.id, f"user:{READER}", Credentials(Webhook.read(url), None), now=of.created_at
        )
    finally:
        await catalog.close()


async def _stored(store: PostgresStore) -> list[int]:
    rows = await query(store.log, "SELECT sequence FROM event WHERE sequence IS NOT NULL")
    return [number for (number,) in rows]


async def _all_had(store: PostgresStore, written: set[int]) -> None:
    """Wait until all that was written is in the log."""
    deadline = time.monotonic() + PATIENCE
    while written - {*await _stored(store)}:
        assert time.monotonic() < deadline, "what was written in the portal is not in the log"
        await asyncio.sleep(0.5)
