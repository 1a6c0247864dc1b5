"""Migrations: tables of this version are made, of another refused, of an older one upgraded."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from eventstore import migrations
from eventstore.appender import Appender
from eventstore.catalog import Catalog
from eventstore.database.postgresql import PostgresSchema
from eventstore.errors import StoreInUse, StoreMissing, StoreUnavailable, WrongSchema
from eventstore.folder import Folder
from eventstore.migrations import VERSION, Step, check, ensure, migrate, parts
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from projections.verify_log import verify_access_log, verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.engines import patiently, query
from tests.eventstore.factories import ORIGIN, new
from tests.postgresql.databases import Databases
from tests.promises.server import Registered, register, serving_again
from tests.stored.contents import ACME_KEY, QUARANTINED, TOKEN
from tests.stored.dumps import load, versions

PARTS: Final = ("log", "access_log", "catalog")

COLUMNS = """
SELECT c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), collname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = current_schema::regnamespace
ORDER BY c.relname, a.attnum
"""
THE_REST = """
SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema::regnamespace
UNION ALL
SELECT 'index', relname, pg_get_indexdef(oid) FROM pg_class
WHERE relkind = 'i' AND relnamespace = current_schema::regnamespace
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t
JOIN pg_class c ON c.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = current_schema::regnamespace
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = current_schema::regnamespace
ORDER BY 1, 2, 3
"""


async def shape(store: Store) -> list[Any]:
    """Return all that the tables of log and catalog are, as far as the engine tells."""
    found: list[Any] = []
    for part in parts(store):
        if isinstance(part.place, PostgresSchema):
            found.append([await query(part.place, sql) for sql in (COLUMNS, THE_REST)])
        else:
            sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
            made = await query(part.place, sql)
            found.append([(*row[:3], re.sub(r"\s", "", row[3] or "")) for row in made])
    return found


async def stamps(store: Store) -> dict[str, int]:
    """Return the version of each part."""
    found = {}
    for part in parts(store):
        session = await part.place.open_reader()
        found[part.name] = await session.stamp()
        await session.close()
    return found


async def set_stamp(store: Store, name: str, version: int) -> None:
    (part,) = (part for part in parts(store) if part.name == name)
    session = await part.place.open_writer()
    await session.set_stamp(version)
    await session.close()


class Tomorrow:
    """The next version, as far as a test needs one."""

    VERSION: Final = VERSION + 1

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(migrations, "VERSION", self.VERSION)
        self.steps(
            log=["ALTER TABLE log_head ADD COLUMN note TEXT"],
            catalog=["CREATE TABLE extra (a INTEGER)", "INSERT INTO extra SELECT id FROM portal"],
        )

    def steps(self, **statements: list[str]) -> None:
        """Say what leads to it."""
        new = Step(self.VERSION, **statements)
        self._monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS[: VERSION - 1], new))


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> Tomorrow:
    return Tomorrow(monkeypatch)


async def test_a_fresh_store_is_made_and_stamped(fresh: Store) -> None:
    done = await migrate(fresh)
    again = await migrate(fresh)

    assert done == dict.fromkeys(PARTS, (0, VERSION))
    assert again == dict.fromkeys(PARTS, (VERSION, VERSION))
    assert await stamps(fresh) == dict.fromkeys(PARTS, VERSION)
    await check(fresh)


async def test_a_first_start_makes_what_migrating_makes(store: Store, tmp_path: Path) -> None:
    await check(store)
    made = await shape(store)
    for part in parts(store):
        await part.place.remove()

    await migrate(store)

    assert await shape(store) == made


async def test_a_missing_store_is_refused_with_what_makes_one(fresh: Store) -> None:
    with pytest.raises(StoreMissing, match=r"no catalog in .* yet: `chronicle migrate`"):
        await check(fresh)

    assert not await fresh.catalog.exists()
    assert not await fresh.log.exists()
    assert not await fresh.access_log.exists()


@pytest.mark.parametrize("part", PARTS)
async def test_an_older_store_is_refused_with_what_upgrades_it(store: Store, part: str) -> None:
    await set_stamp(store, part, VERSION - 1)

    for use in (check, ensure, Catalog.open):
        with pytest.raises(WrongSchema, match=f"the {part} .* `chronicle migrate`"):
            await use(store)


@pytest.mark.parametrize("part", PARTS)
async def test_a_newer_store_is_refused_and_left_alone(store: Store, part: str) -> None:
    await set_stamp(store, part, VERSION + 1)

    for use in (check, ensure, migrate, Catalog.open):
        with pytest.raises(WrongSchema, match=f"the {part} .* newer .* the newer Chronicle"):
            await use(store)

    assert await stamps(store) == {**dict.fromkeys(PARTS, VERSION), part: VERSION + 1}


@asynccontextmanager
async def empty(engine: str, path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store of an engine, with nothing in it."""
    if engine == "sqlite":
        yield Folder(path)
        return
    databases: Databases = request.getfixturevalue("postgresql")
    async with databases.database() as url:
        yield PostgresStore(url, path.with_suffix(".key"))


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        pytest.param("sqlite", 1),
        pytest.param("sqlite", 2),
        pytest.param("sqlite", 3),
        pytest.param("sqlite", 4),
        pytest.param("sqlite", 5),
        pytest.param("postgresql", 2, marks=pytest.mark.postgresql),
        pytest.param("postgresql", 3, marks=pytest.mark.postgresql),
        pytest.param("postgresql", 4, marks=pytest.mark.postgresql),
        pytest.param("postgresql", 5, marks=pytest.mark.postgresql),
    ],
)
async def test_every_version_that_was_kept_becomes_this_one(
    engine: str, version: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with (
        empty(engine, tmp_path / "old", request) as old,
        empty(engine, tmp_path / "new", request) as new,
    ):
        await load(version, old)
        await ensure(new)

        done = await migrate(old)

        made_of = {**dict.fromkeys(PARTS, version), "access_log": version if version > 2 else 0}
        assert done == {part: (before, VERSION) for part, before in made_of.items()}
        assert await stamps(old) == dict.fromkeys(PARTS, VERSION)
        assert await shape(old) == await shape(new)
        await serve_what_it_held(old)
        assert await differences(old) == []


def test_every_version_that_was_kept_is_tried() -> None:
    assert versions("sqlite") == list(range(1, VERSION + 1))
    assert versions("postgresql") == list(range(2, VERSION + 1))  # it had no version 1


async def serve_what_it_held(store: Store) -> None:
    """Serve a stored store: what it had is there, known again, and goes on."""
    async with serving_again(Registered(store, ACME_KEY, TOKEN)) as served:
        assert sorted(served.state.snapshot.portals) == ["acme", "globex"]
        assert served.state.heads == {1: 9, 2: 1}
        again = await served.feed(samples.sample("imbot_v2/onimbotv2messageadd.json"))
        assert again.json()["results"][0] == {"outcome": "duplicate", "position": 3}
        more = await served.hook(samples.sample("legacy/onimbotmessageadd_private.form"))
        assert more.json()["position"] == 10
        await served.state.live.catch_up()
        read = await served.client.get(
            "/v1/portals/acme/messages/190411/versions",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert "please log the rollout plan" in read.json()["data"][0]["text"]
        kept = await served.state.quarantine.page(1)
        assert [found.number for found in kept] == [1]
        assert await served.state.quarantine.body(1, 1) == QUARANTINED
        assert await served.state.catalog.rejections() == {1: 3}


async def differences(store: Store) -> list[Any]:
    """Verify a whole store."""
    catalog = await Catalog.open(store)
    portals = list((await catalog.snapshot()).portals.values())
    await catalog.close()
    found: list[Any] = []
    for verify in (verify_log, verify_access_log, verify_read_models):
        found += [difference async for difference in verify(store, portals, lambda *_: None)]
    return found


async def test_the_next_version_is_reached_from_this_one(store: Store, tomorrow: Tomorrow) -> None:
    done = await migrate(store)

    assert done == dict.fromkeys(PARTS, (VERSION, tomorrow.VERSION))
    assert await query(store.log, "SELECT note FROM log_head") == []
    assert await query(store.access_log, "SELECT note FROM log_head") == []
    assert await query(store.catalog, "SELECT a FROM extra") == []


async def test_a_part_is_upgraded_whole_or_not_at_all(store: Store, tomorrow: Tomorrow) -> None:
    before = await shape(store)
    tomorrow.steps(log=["CREATE TABLE extra (a INTEGER)", "DROP TABLE no_such_table"])

    with pytest.raises(StoreUnavailable):
        await migrate(store)

    assert await shape(store) == before
    assert await stamps(store) == dict.fromkeys(PARTS, VERSION)


async def test_what_was_cut_off_between_log_and_catalog_is_finished_by_the_next(
    store: Store, tomorrow: Tomorrow
) -> None:
    log = ["ALTER TABLE log_head ADD COLUMN note TEXT"]
    tomorrow.steps(log=log, catalog=["DROP TABLE no_such_table"])
    with pytest.raises(StoreUnavailable):
        await migrate(store)
    with pytest.raises(WrongSchema, match="chronicle migrate"):
        await check(store)
    assert await stamps(store) == {
        **dict.fromkeys(PARTS, tomorrow.VERSION),
        "catalog": VERSION,
    }
    tomorrow.steps(log=log, catalog=["CREATE TABLE extra (a INTEGER)"])

    done = await migrate(store)

    assert done == {
        **dict.fromkeys(PARTS, (tomorrow.VERSION, tomorrow.VERSION)),
        "catalog": (VERSION, tomorrow.VERSION),
    }
    await check(store)


@pytest.mark.parametrize("finish", [ensure, migrate])
async def test_a_store_that_was_cut_off_while_it_was_made_is_finished(
    store: Store, finish: Callable[[Store], Awaitable[object]]
) -> None:
    made = await shape(store)
    await store.catalog.remove()

    await finish(store)

    assert await shape(store) == made
    assert await stamps(store) == dict.fromkeys(PARTS, VERSION)


@pytest.mark.parametrize("finish", [ensure, migrate])
async def test_a_log_without_its_catalog_is_given_to_nobody(
    store: Store, appender: Appender, finish: Callable[[Store], Awaitable[object]]
) -> None:
    await appender.append(ORIGIN, new())
    await store.catalog.remove()

    with pytest.raises(StoreUnavailable, match="whose they are"):
        await finish(store)

    assert not await store.catalog.exists()
    assert await query(store.log, "SELECT count(*) FROM event") == [(1,)]


async def test_several_first_starts_at_once_make_one_store(fresh: Store) -> None:
    await asyncio.gather(*(patiently(partial(ensure, fresh)) for _ in range(4)))

    assert await stamps(fresh) == dict.fromkeys(PARTS, VERSION)


async def all_at_once(store: Store) -> None:
    """Migrate several times. One process at a time has the lock of a folder; others are told so."""
    results = await asyncio.gather(*(migrate(store) for _ in range(4)), return_exceptions=True)

    errors = [type(result) for result in results if isinstance(result, Exception)]
    assert set(errors) <= ({StoreInUse} if isinstance(store, Folder) else set())
    assert len(errors) < len(results)


async def test_several_that_migrate_nothing_at_once_make_one_store(fresh: Store) -> None:
    await all_at_once(fresh)

    assert await stamps(fresh) == dict.fromkeys(PARTS, VERSION)


async def test_several_that_migrate_at_once_do_it_once(
    fresh: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(fresh)
    tomorrow = Tomorrow(monkeypatch)

    await all_at_once(fresh)

    assert await stamps(fresh) == dict.fromkeys(PARTS, tomorrow.VERSION)
    assert await query(fresh.catalog, "SELECT a FROM extra") == [(1,)]


async def test_a_folder_that_a_server_holds_is_not_migrated(folder: Folder) -> None:
    """A database is held by nobody: there, `chronicle migrate` keeps writers out of each part."""
    with folder.hold(), pytest.raises(StoreInUse):
        await migrate(folder)


async def test_files_with_nothing_in_them_are_no_store_yet(tmp_path: Path) -> None:
    """A start that was killed can leave them; PostgreSQL makes schema and tables in one piece."""
    folder = Folder(tmp_path)
    folder.log.path.touch()
    folder.access_log.path.touch()
    folder.catalog.path.touch()

    await ensure(folder)

    assert await stamps(folder) == dict.fromkeys(PARTS, VERSION)
