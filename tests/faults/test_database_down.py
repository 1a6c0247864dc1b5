"""The database is killed, stopped, frozen, set to read-only under load: the spool takes over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from eventstore.intake import Intake, Patience
from eventstore.log import Outcome, Pending
from eventstore.migrations import ensure
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_store import PostgresStore
from eventstore.spool import Spool
from tests.eventstore.spooling import opened
from tests.faults.postgresql_log import ORIGINS, Senders, check_portal, overtaken
from tests.faults.tallies import Tally
from tests.postgresql.server import PostgresServer, Stop, private_server

pytestmark = [pytest.mark.postgresql, pytest.mark.fault("database down, restarted, frozen")]

PATIENCE: Final = Patience(caller=0.5, batch=5.0)
DEADLINE: Final = 240
"""Seconds after which a database that is back, or a spool that drains, is taken to hang."""

EVENTS: Final = 40
"""What is answered for before, during and after each fault."""


@dataclass
class Struck:
    """A server of our own that is struck, and what stands before it."""

    server: PostgresServer
    store: PostgresStore
    spool: Spool
    intake: Intake
    senders: Senders
    drained: list[str]
    _sending: asyncio.Task[None]

    async def recover(self) -> None:
        """Wait until nothing waits in the spool, and the log takes events again."""
        while self.intake.away or self.spool.depth().events:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)

    async def rest(self) -> None:
        """Send no more; wait until all that was sent is in the log."""
        await _ended(self._sending)
        await self.recover()


@asynccontextmanager
async def under_load(folder: Path) -> AsyncIterator[Struck]:
    """A server under load, until the context ends."""
    with private_server() as server:
        store = PostgresStore(server.url(), folder / "secret.key")
        await ensure(store)
        appender = await store.open_appender()
        assert isinstance(appender, PortalAppender)
        drained: list[str] = []

        def landed(batch: Sequence[Pending], _outcomes: Sequence[Outcome]) -> None:
            drained.extend(f"{pending.origin.portal_id} {pending.event.key}" for pending in batch)

        async with opened(folder / "spool") as spool, asyncio.timeout(DEADLINE):
            intake = Intake(
                appender.append_all,
                spool,
                origins=lambda: ORIGINS,
                drained=landed,
                patience=PATIENCE,
            )
            senders = Senders(intake.append)
            draining = asyncio.create_task(intake.drain_forever())
            sending = asyncio.create_task(senders.run())
            try:
                await senders.more(EVENTS)
                yield Struck(server, store, spool, intake, senders, drained, sending)
            finally:
                await _ended(sending)
                await _ended(draining)
                await appender.close()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


Strike = Callable[[PostgresServer], Awaitable[None]]


async def kill(server: PostgresServer) -> None:
    await asyncio.to_thread(server.kill)


async def stop(server: PostgresServer) -> None:
    await asyncio.to_thread(server.stop, Stop.IMMEDIATE)


async def freeze(server: PostgresServer) -> None:
    await asyncio.to_thread(server.freeze)


async def forbid_writes(server: PostgresServer) -> None:
    await _set_read_only(server, "on")


async def start(server: PostgresServer) -> None:
    await asyncio.to_thread(server.start)


async def thaw(server: PostgresServer) -> None:
    await asyncio.to_thread(server.thaw)


async def allow_writes(server: PostgresServer) -> None:
    await _set_read_only(server, "off")


async def _set_read_only(server: PostgresServer, value: str) -> None:
    settings = {"default_transaction_read_only": "off"}
    connection = await asyncpg.connect(server.url(), server_settings=settings)
    try:
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("strike", "mend", "times", "seconds"),
    [
        pytest.param(kill, start, 1, 0, id="killed", marks=pytest.mark.brief),
        pytest.param(kill, start, 6, 1, id="killed again and again", marks=pytest.mark.long),
        pytest.param(stop, start, 1, 0, id="stopped at once"),
        pytest.param(freeze, thaw, 1, 1, id="frozen", marks=pytest.mark.brief),
        pytest.param(freeze, thaw, 2, 10, id="frozen for long", marks=pytest.mark.long),
        pytest.param(forbid_writes, allow_writes, 1, 0, id="read-only"),
    ],
)
async def test_nothing_acknowledged_is_lost_whatever_becomes_of_the_database(  # noqa: PLR0913, PLR0917 - all of a case
    tally: Tally, tmp_path: Path, strike: Strike, mend: Strike, times: int, seconds: float
) -> None:
    async with under_load(tmp_path) as struck:
        senders = struck.senders
        for _ in range(times):
            acknowledged = senders.count
            await strike(struck.server)
            await senders.until(partial(senders.have_spooled, senders.spooled + EVENTS))
            await asyncio.sleep(seconds)
            await mend(struck.server)
            await struck.recover()
            await senders.more(EVENTS)
            tally.ran(acknowledged=senders.count - acknowledged)
        await struck.rest()

        for portal_id, origin in ORIGINS.items():
            told = senders.acknowledged[portal_id]
            tally.looked(await check_portal(struck.store, origin, told))
            assert await overtaken(struck.store, portal_id) == 0
    assert senders.spooled <= len(struck.drained)
    assert len(struck.drained) == len(set(struck.drained))
