"""What the code says to PostgreSQL, heard by the server, keeps every portal apart."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from api.resources import ENDPOINTS
from eventstore.backup import backup, restore
from eventstore.directory import SCOPES
from eventstore.log import Pending
from eventstore.postgres_store import PostgresStore
from eventstore.tokens import Tokens
from projections import build as building
from projections.export.tables import TABLES
from projections.rebuild import rebuild
from tests import samples
from tests.api.test_access import IDS
from tests.eventstore.factories import new
from tests.exports import make, place_example, reserved
from tests.postgresql.databases import Databases
from tests.postgresql.heard import Statement, heard
from tests.promises.server import NOW, Served, deliver, serving
from tests.sql_of_the_suite import broken

pytestmark = pytest.mark.postgresql

SAID = (
    "CREATE TABLE IF NOT EXISTS log.event",
    "CREATE INDEX IF NOT EXISTS",
    "COPY",
    "INSERT INTO log.event",
    "UPDATE log.log_head",
    "INSERT INTO access.event",
    "DELETE FROM read_1",
    "SELECT catalog.pointer",  # through SQLAlchemy's engine
    "FROM read_1.chat",
    'COPY "read_2"',  # by the processes that build
    "LOCK TABLE",
)
"""Some of what must have been heard: beginnings or parts of statements."""


@pytest.fixture
async def store(postgresql: Databases, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    async with postgresql.database() as url:
        yield PostgresStore(url, tmp_path / "secret.key")


@pytest.fixture
def hearing(postgresql_log: Path) -> Callable[[], list[Statement]]:
    """Give what the server has been told since the test began, in all databases."""
    begun = postgresql_log.stat().st_size
    return lambda: list(heard(postgresql_log, begun))


async def test_all_that_the_code_says_keeps_the_rules(
    store: PostgresStore,
    postgresql_url: str,
    hearing: Callable[[], list[Statement]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "_FEW", 0)  # other processes build, and are heard as well
    restored = PostgresStore(postgresql_url, store.key_file)

    async with serving(store) as served:
        await _live(served)
    await backup(store, tmp_path / "backup", _silent, now=NOW)
    await restore(tmp_path / "backup", restored, _silent)

    names = {make_url(each.url).database for each in (store, restored)}
    said = [each for each in hearing() if each.database in names]
    assert [part for part in SAID if not any(part in each.text for each in said)] == []
    assert broken(said) == []


async def test_no_transaction_appends_to_two_portals(store: PostgresStore) -> None:
    """The rows themselves tell by which transaction they came, also those that were copied."""
    async with serving(store) as served:
        await _append_to_both(served)

    connection = await asyncpg.connect(store.url)
    try:
        rows = await connection.fetch(
            "SELECT array_agg(portal_id), count(*) FROM log.event GROUP BY xmin"
        )
    finally:
        await connection.close()
    assert {portal for portals, _ in rows for portal in portals} == {1, 2}
    assert max(count for _, count in rows) > 1
    assert [portals for portals, _ in rows if len(set(portals)) > 1] == []


async def _live(served: Served) -> None:
    """Ingest into two portals, project, rebuild, export and read."""
    other = await _append_to_both(served)
    for name in [*samples.FORMS, *samples.ITEMS, *samples.PAGES]:
        await deliver(served, name)
        await deliver(other, name)
    await served.state.live.catch_up()
    _, token = await Tokens(served.state.catalog).create(
        portals=[served.slug, other.slug], scopes=SCOPES, now=NOW
    )
    await served.state.refresh()
    await rebuild(served.store, served.state.catalog, lambda *_: None, jobs=2)
    await served.state.live.catch_up()
    place_example(served)
    for narrowing in ({}, {"from_position": 9}, {"chats": (2207,)}):
        await make(served, reserved(served, format="jsonl", tables=tuple(TABLES), **narrowing))
    await make(served, reserved(served, format="html", tables=(), chats=(2207,)))
    for path in ["/v1/portals", "/metrics", *(each.path for each in ENDPOINTS)]:
        response = await served.client.get(
            path.format(portal=served.slug, **IDS), headers={"Authorization": f"Bearer {token}"}
        )
        assert response.status_code == 200, path


async def _append_to_both(served: Served) -> Served:
    other = await served.another()
    origins = [served.portal.origin, other.portal.origin]
    appender = await served.store.open_appender()
    try:
        await appender.append_all(
            [Pending(origin, new(f"webhook:{n}")) for n in range(7) for origin in origins]
        )
    finally:
        await appender.close()
    return other


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""
