"""Commands on PostgreSQL killed at any moment: done again, and nothing twice or half."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from pydantic_core import from_json
from sqlalchemy import Select, Table, select

from eventstore.catalog import Catalog
from eventstore.database import Pool, Row
from eventstore.directory import Portal
from eventstore.envelope import Receiving, events_of
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.log import Pending
from eventstore.postgres_store import PostgresStore
from eventstore.redaction import Fingerprints
from projections.tables import checkpoint, metadata
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from scripts.bench.events import generate
from tests.engines import damage, environment
from tests.faults.checks import Found
from tests.faults.commands import command, seconds_of
from tests.faults.lengths import brief, long, mutants
from tests.faults.postgresql_log import check_portal, places
from tests.faults.tallies import Tally
from tests.promises.server import register

pytestmark = pytest.mark.postgresql

EVENTS: Final = 600
LINES: Final = 4_500
"""More than are imported in two transactions."""

KILLS: Final = (brief(1), mutants(4), long(200))

Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Struck:
    """A store whose commands are killed."""

    store: PostgresStore
    catalog: Catalog

    async def portal(self) -> Portal:
        """Its one portal, as the catalog has it now."""
        (portal,) = (await self.catalog.snapshot()).portals.values()
        return portal

    async def served(self) -> Rows:
        """What readers read, which must be whole."""
        try:
            return await self._served()
        except StoreUnavailable:  # replaced meanwhile: a server looks once where it is now
            return await self._served()

    async def _served(self) -> Rows:
        portal = await self.portal()
        pool = Pool(self.store.generation(portal.generation), 1)
        try:
            async with pool.reading() as session:
                return {
                    table.name: await session.rows(_rows_of(table, portal))
                    for table in metadata.sorted_tables
                    if table is not checkpoint
                }
        finally:
            await pool.close()

    async def differences(self) -> list[str]:
        """What `verify` says."""
        portals = [await self.portal()]
        found = [each async for each in verify_log(self.store, portals, _silent)]
        found += [each async for each in verify_read_models(self.store, portals, _silent)]
        return [str(each) for each in found]


def _rows_of(table: Table, portal: Portal) -> Select[Any]:
    return select(table).where(table.c.portal_id == portal.id).order_by(*table.primary_key)


@pytest.fixture
async def struck(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Struck]:
    store = PostgresStore(postgresql_url, tmp_path / "secret.key")
    await register(store)
    catalog = await Catalog.open(store)
    yield Struck(store, catalog)
    await catalog.close()


async def run(store: PostgresStore, *words: str) -> float:
    """Run a command to its end, without holding up others; return how long that took."""
    return await asyncio.to_thread(seconds_of, environment(store), *words)


@pytest.mark.fault("killed at random while rebuilding")
@pytest.mark.parametrize("kills", KILLS)
async def test_readers_on_postgresql_never_see_a_half_built_table(
    struck: Struck, tally: Tally, kills: int
) -> None:
    portal = await struck.portal()
    how = Receiving(1_789_400_000_000_000, Fingerprints(b"f" * 32, 1), portal.hmac_key)
    appender = await struck.store.open_appender()
    await appender.append_all(
        [
            Pending(portal.origin, event)
            for line in generate(EVENTS, seed=1)
            for event in events_of(from_json(line), how)
            if isinstance(event, NewEvent)
        ]
    )
    await appender.close()
    await run(struck.store, "rebuild")
    usual = await run(struck.store, "rebuild")
    whole = await struck.served()
    assert whole["message"]
    random = Random(kills)  # noqa: S311 - the same again is what we want

    for moment in [*(random.uniform(0, usual) for _ in range(kills)), None]:
        with command(environment(struck.store), "rebuild") as rebuilding:
            if moment is not None:  # the last one is left to its end
                rebuilding.kill_after(moment)
            ended = asyncio.create_task(asyncio.to_thread(list, rebuilding.lines()))
            while not ended.done():
                assert await struck.served() == whole
        tally.ran(acknowledged=0)
        assert await struck.served() == whole

    tally.looked(Found(0, 0, 0, await struck.differences()))


@pytest.mark.fault("killed at random while importing")
@pytest.mark.parametrize("kills", KILLS)
async def test_an_import_on_postgresql_that_is_repeated_ends_with_every_line_once(
    struck: Struck, tally: Tally, tmp_path: Path, kills: int
) -> None:
    portal = await struck.portal()
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"".join(generate(LINES, seed=2)))
    words = ("imports", str(file), "--portal", portal.slug)
    random = Random(kills)  # noqa: S311 - the same again is what we want
    usual = await run(struck.store, *words)
    expected = list(await places(struck.store, portal.id))

    for _ in range(kills):
        if len(await places(struck.store, portal.id)) == LINES:
            await damage(struck.store.log, "DELETE FROM event", "DELETE FROM log_head")
        with command(environment(struck.store), *words) as importing:
            importing.kill_after(random.uniform(0, usual))
            await asyncio.to_thread(list, importing.lines())
        tally.ran(acknowledged=0)
        stored = await places(struck.store, portal.id)
        assert list(stored) == expected[: len(stored)]
        tally.looked(await check_portal(struck.store, portal.origin, stored))
    await run(struck.store, *words)
    await run(struck.store, "rebuild")

    stored = await places(struck.store, portal.id)
    tally.looked(await check_portal(struck.store, portal.origin, stored))
    assert list(stored) == expected
    assert len(stored) == LINES
    assert await struck.differences() == []


def _silent(_done: int, _total: int) -> None:
    pass
