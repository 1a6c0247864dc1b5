"""`chronicle poll` over HTTPS, killed for good between its append and its acknowledgement."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eventstore.catalog import Catalog
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from tests.faults.checks import check
from tests.faults.commands import command
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.tallies import Tally
from tests.portal.errors import NetworkCut
from tests.portal.people import READER, People
from tests.portal.portal import Portal
from tests.portal.portal import Webhook as Hook
from tests.portal.server import Address, serving

DEEDS = 15
PATIENCE = 60


class Killer:
    """Kills who polls as soon as it acknowledges: the portal hears nothing of it."""

    def __init__(self, portal: Portal) -> None:
        portal.on_call = self.hear
        self.pid: int | None = None
        self._acknowledged = 0

    def hear(self, _method: str, params: Mapping[str, Any]) -> None:
        """Look at a call, which may be the last one."""
        offset = int(params.get("offset") or 0)
        if self.pid is None or offset <= self._acknowledged:
            return
        os.kill(self.pid, signal.SIGKILL)
        self.pid = None
        raise NetworkCut

    async def polls(self, environment: Mapping[str, str]) -> int:
        """Run `chronicle poll` until it is killed; return its exit status."""
        loop = asyncio.get_running_loop()

        def poll() -> int:
            with command(environment, "poll") as running:
                loop.call_soon_threadsafe(self._aim, running.pid)
            return running.status or 0

        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(poll)

    def _aim(self, pid: int) -> None:
        self.pid = pid


async def connect(store: Store, address: Address, hook: Hook) -> None:
    """Register the queue of a user, as `chronicle connection add` does."""
    catalog = await Catalog.open(store.folder)
    try:
        credentials = Credentials(Webhook.read(address.webhook_url(hook)), None)
        await Connections(catalog).add(
            store.portal.id, f"user:{READER}", credentials, now=store.portal.created_at
        )
    finally:
        await catalog.close()


@pytest.mark.fault("poller killed between append and acknowledgement")
@pytest.mark.parametrize("kills", [brief(1), long(25)])
async def test_a_poller_that_is_killed_before_it_acknowledges_had_every_event_once(
    store: Store, tally: Tally, tmp_path: Path, kills: int
) -> None:
    portal = Portal()
    portal.queues.subscribe(READER)
    people = People(portal, Random(kills))  # noqa: S311 - the same again is what we want
    hook = portal.add_webhook(READER)
    killer = Killer(portal)
    fate = portal.queues.fates[f"user:{READER}"]

    async with serving(portal, tmp_path / "portal") as address:
        await connect(store, address, hook)
        environment = {**store.environment, "CHRONICLE_CA_BUNDLE": str(address.ca_bundle)}
        had = 0
        for _ in range(kills):
            for _ in range(DEEDS):
                portal.clock.advance(20)
                people.do()
            portal.clock.advance(60)  # so that all of it is old enough to be acknowledged
            assert await killer.polls(environment) == -signal.SIGKILL

            stored = [each.key for each in store.stored() if each.key.startswith("fetch:")]
            assert sorted(stored) == sorted(f"fetch:{number}" for number in fate.written)
            tally.ran(acknowledged=len(stored) - had)
            had = len(stored)

    tally.looked(await check(store, {}))
