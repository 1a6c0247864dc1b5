"""A backup holds a moment of a store, whatever its engine, and gives it back to either."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from eventstore.appender import Appender
from eventstore.backup import backup, restore
from eventstore.catalog import Catalog
from eventstore.errors import BackupUnusable, StoreMissing, WrongSecretKey
from eventstore.event import NewEvent
from eventstore.folder import Folder
from eventstore.log import Origin
from eventstore.postgres_store import PostgresStore
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.store import Store
from eventstore.tokens import Tokens
from projections.verify_log import verify_access_log, verify_log
from tests.engines import ENGINES, query
from tests.eventstore.factories import new
from tests.postgresql.databases import Databases

NOW = 1_789_400_000_000_000
TABLES = ("portal", "ingest_key", "application_token", "token", "quarantined", "pointer")


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture
async def kept(fresh: Store) -> Store:
    """A store with two portals, a token, a body in quarantine, and some events."""
    catalog = await Catalog.open(fresh, create=True)
    try:
        await catalog.add_portal("acme", "member-1", now=NOW, application_tokens=["t"])
        await catalog.add_portal("globex", "member-2", now=NOW)
        await Tokens(catalog).create(portals=["acme"], scopes=["messages:read"], now=NOW)
        found = Unreadable(NOW, "webhook", "app", "cut off")
        await Quarantine(catalog).keep(1, b"{", found)
    finally:
        await catalog.close()
    await append(fresh, "acme", [new(f"webhook:{n}") for n in range(30)])
    await append(fresh, "globex", [new(f"webhook:{n}") for n in range(7)])
    await append(
        fresh, "globex", [new(f"looked-{n}") for n in range(5)], fresh.open_access_appender
    )
    return fresh


@pytest.fixture(params=ENGINES)
async def another(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A second store with nothing in it, of the same engine or of the other one."""
    if request.param == "sqlite":
        yield Folder(tmp_path / "another")
        return
    databases: Databases = request.getfixturevalue("postgresql")
    async with databases.database() as url:
        yield PostgresStore(url, tmp_path / "another.key")


async def append(
    store: Store,
    slug: str,
    events: Sequence[NewEvent],
    open_appender: Callable[[], Awaitable[Appender]] | None = None,
) -> None:
    catalog = await Catalog.open(store)
    try:
        origin: Origin = (await catalog.snapshot()).portal(slug).origin
    finally:
        await catalog.close()
    appender = await (open_appender or store.open_appender)()
    try:
        for event in events:
            await appender.append(origin, event)
    finally:
        await appender.close()


async def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a store keeps for ever, and check its log."""
    catalog = await Catalog.open(store)
    try:
        portals = list((await catalog.snapshot()).portals.values())
    finally:
        await catalog.close()
    for verify in (verify_log, verify_access_log):
        assert [difference async for difference in verify(store, portals, silent)] == []
    log = await query(store.log, "SELECT * FROM event ORDER BY portal_id, position")
    heads = await query(store.log, "SELECT * FROM log_head ORDER BY portal_id")
    looks = await query(store.access_log, "SELECT * FROM event ORDER BY portal_id, position")
    entries = {name: await query(store.catalog, f"SELECT * FROM {name}") for name in TABLES}  # noqa: S608
    return {"event": log, "log_head": heads, "access": looks} | {
        name: sorted(rows, key=repr) for name, rows in entries.items()
    }


async def test_a_backup_is_a_store_with_the_same_content(kept: Store, tmp_path: Path) -> None:
    manifest = await backup(kept, tmp_path / "backup", silent, now=NOW)

    assert manifest.events == 37
    assert manifest.access_heads == {2: 5}
    assert await everything(Folder(tmp_path / "backup")) == await everything(kept)


async def test_what_was_restored_is_what_was_backed_up(
    kept: Store, another: Store, tmp_path: Path
) -> None:
    before = await everything(kept)
    await backup(kept, tmp_path / "backup", silent, now=NOW)

    await restore(tmp_path / "backup", another, silent)

    assert await everything(another) == before
    await append(another, "acme", [new("webhook:new")])
    await append(another, "acme", [new("looked-again")], another.open_access_appender)
    after = await everything(another)
    assert (len(after["event"]), len(after["access"])) == (38, 6)


async def test_events_that_come_meanwhile_are_in_it_or_not(kept: Store, tmp_path: Path) -> None:
    more = [new(f"webhook:more-{n}") for n in range(200)]

    writing = asyncio.create_task(append(kept, "acme", more))
    await asyncio.sleep(0.02)
    manifest = await backup(kept, tmp_path / "backup", silent, now=NOW)
    await writing

    copied = await everything(Folder(tmp_path / "backup"))
    assert copied["log_head"] == [(1, manifest.heads[1]), (2, 7)]
    assert len(copied["event"]) == manifest.events


async def test_a_folder_that_holds_something_is_not_written_to(kept: Store, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "note").touch()

    with pytest.raises(BackupUnusable, match="not empty"):
        await backup(kept, tmp_path / "backup", silent, now=NOW)


async def test_a_store_that_has_something_is_not_restored_over(kept: Store, tmp_path: Path) -> None:
    await backup(kept, tmp_path / "backup", silent, now=NOW)

    with pytest.raises(BackupUnusable, match="already"):
        await restore(tmp_path / "backup", kept, silent)


async def test_a_damaged_or_unfinished_backup_is_refused(kept: Store, tmp_path: Path) -> None:
    await backup(kept, tmp_path / "backup", silent, now=NOW)
    log = tmp_path / "backup" / "log.db"
    body = bytearray(log.read_bytes())
    body[-100] ^= 1
    log.write_bytes(body)

    with pytest.raises(BackupUnusable, match=r"log\.db is missing, or is not"):
        await restore(tmp_path / "backup", Folder(tmp_path / "new"), silent)

    (tmp_path / "backup" / "manifest.json").unlink()
    with pytest.raises(BackupUnusable, match="no whole backup"):
        await restore(tmp_path / "backup", Folder(tmp_path / "new"), silent)
    with pytest.raises(StoreMissing):
        await Catalog.open(Folder(tmp_path / "new"))


async def test_another_key_is_never_written_over(kept: Store, tmp_path: Path) -> None:
    await backup(kept, tmp_path / "backup", silent, now=NOW)
    place = Folder(tmp_path / "new")
    place.prepare()
    place.secret_key.write_text(f"1 {'0' * 64}\n")

    with pytest.raises(WrongSecretKey, match="another key"):
        await restore(tmp_path / "backup", place, silent)
