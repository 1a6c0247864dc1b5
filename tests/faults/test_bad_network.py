"""The network to the database is slow, in crumbs, breaks, or says nothing: waits are bounded."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from eventstore.database.postgresql import PostgresServer
from eventstore.errors import StoreUnavailable
from eventstore.intake import Intake, Patience
from eventstore.log import Outcome, Pending
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_log import PostgresLog
from eventstore.postgres_store import PostgresStore
from eventstore.spool import Spooled
from tests.eventstore.factories import new
from tests.eventstore.spooling import opened
from tests.faults.lengths import brief, long
from tests.faults.postgresql_log import ORIGINS, Append, Senders, check_portal, overtaken
from tests.faults.proxy import Proxy, proxied
from tests.faults.tallies import Tally

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("slow or flaky network")]

PATIENCE: Final = Patience(caller=0.5, batch=5.0)
BOUND: Final = 8.0
"""Seconds that no sender may wait, on a machine that is busy: less than the log itself waits."""

DEADLINE: Final = 240
SECONDS: Final = (brief(2), long(30))


def slow(proxy: Proxy) -> None:
    proxy.latency = 0.05


def in_crumbs(proxy: Proxy) -> None:
    proxy.byte_by_byte = True


def breaking(proxy: Proxy) -> None:
    random = Random(1)  # noqa: S311 - the same again is what we want
    proxy.life = lambda: random.expovariate(1 / 20_000)
    proxy.cut_all()


def silent(proxy: Proxy) -> None:
    proxy.fall_silent()


def good(proxy: Proxy) -> None:
    proxy.latency, proxy.byte_by_byte, proxy.life = 0.0, False, lambda: float("inf")
    proxy.speak_again()


def bounded(append: Append) -> Append:
    """What waits no longer than the bound."""

    async def within_bound(batch: Sequence[Pending]) -> Sequence[Outcome | Spooled]:
        async with asyncio.timeout(BOUND):
            return await append(batch)

    return within_bound


async def answered(senders: Senders, sending: asyncio.Task[None]) -> None:
    """Wait for more answers, while all senders go on."""
    more = asyncio.create_task(senders.more(40))
    await asyncio.wait({more, sending}, return_when=asyncio.FIRST_COMPLETED)
    more.cancel()
    assert not sending.done(), "somebody waited too long"


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize(
    "worsen", [slow, in_crumbs, breaking, silent], ids=lambda how: how.__name__
)
async def test_nobody_waits_long_and_nothing_is_lost(
    database: PostgresStore,
    tally: Tally,
    tmp_path: Path,
    worsen: Callable[[Proxy], None],
    seconds: float,
) -> None:
    async with (
        asyncio.timeout(DEADLINE),
        proxied(database.url) as (proxy, url),
        opened(tmp_path / "spool") as spool,
    ):
        log = PostgresLog(PostgresServer(url))
        appender = PortalAppender(log.append, log.close)
        intake = Intake(
            appender.append_all,
            spool,
            origins=lambda: ORIGINS,
            drained=lambda _batch, _outcomes: None,
            patience=PATIENCE,
        )
        senders = Senders(bounded(intake.append))
        draining = asyncio.create_task(intake.drain_forever())
        sending = asyncio.create_task(senders.run())
        try:
            await senders.more(40)
            worsen(proxy)
            await asyncio.sleep(seconds)
            await answered(senders, sending)
            good(proxy)
            await answered(senders, sending)
            await _ended(sending)
            while intake.away or spool.depth().events:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        finally:
            await _ended(sending)
            await _ended(draining)
            await appender.close()
    tally.ran(acknowledged=senders.count)

    assert (senders.spooled > 0) >= (worsen is silent)
    for portal_id, origin in ORIGINS.items():
        tally.looked(await check_portal(database, origin, senders.acknowledged[portal_id]))
        assert await overtaken(database, portal_id) == 0


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.long
async def test_the_log_gives_up_what_says_nothing(database: PostgresStore, tally: Tally) -> None:
    async with proxied(database.url) as (proxy, url), asyncio.timeout(4 * BOUND):
        log = PostgresLog(PostgresServer(url))
        await log.append(ORIGINS[1], [new("webhook:1")])
        proxy.fall_silent()

        with pytest.raises(StoreUnavailable):
            await log.append(ORIGINS[1], [new("webhook:2")])

        proxy.speak_again()
        await log.append(ORIGINS[1], [new("webhook:2")])
        await log.close()
    tally.ran(acknowledged=2)
    tally.looked(await check_portal(database, ORIGINS[1], {"webhook:1": 1, "webhook:2": 2}))
