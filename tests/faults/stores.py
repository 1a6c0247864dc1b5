"""A store of files that a fault strikes: how it is made, opened and compared."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from eventstore.catalog import Catalog
from eventstore.database import Pool, Row
from eventstore.directory import Portal
from eventstore.event import Instant
from eventstore.folder import Folder
from eventstore.log import Outcome, Pending
from eventstore.quarantine import Quarantine
from eventstore.sqlite_log import SqliteLog
from projections.difference import Difference
from projections.generations import prepare_generation
from projections.project import checkpoint_of
from projections.projector import Projector
from projections.tables import metadata
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests.promises.process import ServerProcess, running
from tests.promises.server import Registered, register

Rows = Mapping[str, Sequence[Row]]
"""What is stored, by table, in the order of the keys."""


class Stored(NamedTuple):
    """An event as the log has it: where, and under which key."""

    position: int
    key: str


class Writer:
    """What an appender commits with. It opens the log in the thread that first calls it.

    With `reopen_after` it closes the log after so many commits, as after an error, and opens it
    again, so that recovery and checkpoints take part.
    """

    def __init__(self, folder: Folder, reopen_after: int = 0) -> None:
        self._log = SqliteLog(folder.log.path)
        self._reopen_after = reopen_after
        self._commits = 0

    def __call__(self, batch: Sequence[Pending]) -> list[Outcome]:
        if self._reopen_after and self._commits == self._reopen_after:
            self._commits = 0
            self._log.close()
        self._commits += 1
        return self._log.append(batch)

    def close(self) -> None:
        """Close the log."""
        self._log.close()


@dataclass(frozen=True)
class Store:
    """A store with one portal. Children get it pickled, so it holds nothing that is open."""

    registered: Registered
    portal: Portal

    @property
    def folder(self) -> Folder:
        """Where its files are."""
        assert isinstance(self.registered.store, Folder)
        return self.registered.store

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells a command to use it."""
        return {"CHRONICLE_DATABASE": f"sqlite:///{self.folder.path}"}

    def at(self, path: Path) -> "Store":
        """The same store in another folder."""
        return replace(self, registered=replace(self.registered, store=Folder(path)))

    def copy(self, path: Path) -> "Store":
        """Copy a store that nobody has open."""
        shutil.copytree(self.folder.path, path)
        return self.at(path)

    def serving(self, log: Path, **changes: str) -> AbstractContextManager[ServerProcess]:
        """A server on it, in a process of its own, until the context ends."""
        return running(self.folder, log, **changes)

    def writer(self, *, reopen_after: int = 0) -> Writer:
        """What an appender commits with."""
        return Writer(self.folder, reopen_after)

    def recover(self) -> None:
        """Come back as a process does that starts after a fault: open the log to write."""
        log = SqliteLog(self.folder.log.path)
        log.open()
        log.close()

    def stored(self) -> list[Stored]:
        """What the log has, by position."""
        if not self.folder.log.path.exists():
            return []
        rows = query(self.folder.log.path, "SELECT position, key FROM event ORDER BY position")
        return [Stored(*row) for row in rows]

    def received_at(self) -> list[Instant]:
        """When each event was received, by position."""
        rows = query(self.folder.log.path, "SELECT received_at FROM event ORDER BY position")
        return [at for (at,) in rows]

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[Projector]:
        """A projector of this store, as a server has it."""
        log = Pool(self.folder.log, 1)
        number = await self.generation()
        await prepare_generation(self.folder, number)
        projector = Projector(log, self.folder.generation(number), lambda: [self.portal.id])
        try:
            yield projector
        finally:
            await projector.close()
            await log.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Pool]:
        """What reads the log."""
        pool = Pool(self.folder.log, 1)
        try:
            yield pool
        finally:
            await pool.close()

    async def generation(self) -> int:
        """Which generation readers use."""
        return (await self.portal_now()).generation

    async def portal_now(self) -> Portal:
        """The portal, as the catalog has it now."""
        catalog = await Catalog.open(self.folder)
        try:
            return (await catalog.snapshot()).portal(self.portal.slug)
        finally:
            await catalog.close()

    async def projected(self) -> int:
        """How far the read models have come that readers use."""
        pool = Pool(self.folder.generation(await self.generation()), 1)
        try:
            async with pool.reading() as session:
                return await checkpoint_of(session, self.portal.id)
        finally:
            await pool.close()

    async def served(self) -> Rows:
        """What the read models say that readers are pointed to.

        Raises StoreUnavailable when they are gone.
        """
        pool = Pool(self.folder.generation(await self.generation()), 1)
        try:
            async with pool.reading() as session:
                return {
                    table.name: await session.rows(select(table).order_by(*table.primary_key))
                    for table in metadata.sorted_tables
                }
        finally:
            await pool.close()

    async def quarantined(self) -> int:
        """How many bodies are in quarantine."""
        catalog = await Catalog.open(self.folder)
        try:
            return (await Quarantine(catalog).counts()).get(self.portal.id, 0)
        finally:
            await catalog.close()

    async def differences_in_log(self) -> list[Difference]:
        """What `verify` says of the log."""
        return [each async for each in verify_log(self.folder, [self.portal], _silent)]

    async def differences_in_read_models(self) -> list[Difference]:
        """What `verify` says of the read models: derived again, and compared."""
        again = verify_read_models(self.folder, [await self.portal_now()], _silent)
        return [each async for each in again]

    async def wrong_with_log(self) -> list[str]:
        """What the engine and `verify` say of the log."""
        return [*_broken(self.folder.log.path), *map(str, await self.differences_in_log())]

    async def wrong_with_read_models(self) -> list[str]:
        """What the engine and `verify` say of the read models, and the engine of the catalog."""
        files = (self.folder.catalog.path, self.folder.generation(await self.generation()).path)
        broken = [said for path in files for said in _broken(path)]
        return [*broken, *map(str, await self.differences_in_read_models())]

    def let_generations_age(self) -> None:
        """Let a while pass: nobody reads or makes a generation that the catalog does not name."""
        with closing(sqlite3.connect(self.folder.catalog.path)) as catalog, catalog:
            catalog.execute("UPDATE generation SET seen_at = 0, left_at = 0")

    def tamper(self, *statements: str) -> None:
        """Change the log behind our back: nothing of ours keeps anybody from it."""
        connection = sqlite3.connect(self.folder.log.path)
        with connection:
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for (name,) in connection.execute(triggers).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
        connection.close()


def query(path: Path, sql: str) -> list[Row]:
    """Ask a file, reading only."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def _broken(path: Path) -> list[str]:
    said = query(path, "PRAGMA integrity_check") if path.exists() else []
    return [str(row) for row in said if row != ("ok",)]


async def new_store(path: Path) -> Store:
    """Make a store with one portal and an empty log."""
    registered = await register(Folder(path))
    catalog = await Catalog.open(registered.store)
    try:
        (portal,) = (await catalog.snapshot()).portals.values()
    finally:
        await catalog.close()
    return Store(registered, portal)


def _silent(_done: int, _total: int) -> None:
    pass
