"""The embedded store: a folder of SQLite files, which file is which, and how it is opened."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eventstore.appender import Appender
from eventstore.database.sqlite import SqliteFile, engine_version, engine_warning
from eventstore.errors import StoreUnavailable
from eventstore.lock import ServerAddress, StoreLock, find_server, hold
from eventstore.sqlite_log import SqliteLog
from eventstore.thread_appender import ThreadAppender
from eventstore.wakeups import NoWakeups, Wakeups


@dataclass(frozen=True)
class Folder:
    """Where the files of one embedded store are."""

    path: Path
    key_file: Path | None = None

    @property
    def remote(self) -> bool:
        return False

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def temporary(self) -> Path | None:
        return self.path

    @property
    def log(self) -> SqliteFile:
        # NORMAL would lose acknowledged events at a power loss.
        return SqliteFile(self.path / "log.db", synchronous="FULL")

    @property
    def access_log(self) -> SqliteFile:
        return SqliteFile(self.path / "access.db", synchronous="FULL")

    @property
    def catalog(self) -> SqliteFile:
        return SqliteFile(self.path / "catalog.db", journal="TRUNCATE", synchronous="FULL")

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.path / "lock"

    @property
    def secret_key(self) -> Path:
        return self.key_file or self.path / "secret.key"

    def generation(self, number: int) -> SqliteFile:
        return SqliteFile(self.path / f"read-{number}.db")

    async def generations(self) -> list[int]:
        found = (re.fullmatch(r"read-(\d+)\.db", path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def catalog_engine(self, *, patience: float) -> AsyncEngine:
        engine = create_async_engine(
            f"sqlite+aiosqlite:///{self.catalog.path}",
            pool_size=1,
            max_overflow=0,
            connect_args={"timeout": patience},
        )
        event.listen(engine.sync_engine, "connect", _durable)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine

    async def check_settings(self) -> None:
        """Whoever writes a file of ours sets what it needs."""

    async def open_appender(self) -> Appender:
        log = SqliteLog(self.log.path)
        log.open()
        return ThreadAppender(log.append, log.close)

    async def open_access_appender(self) -> Appender:
        log = SqliteLog(self.access_log.path)
        with suppress(StoreUnavailable):  # events are taken in all the same
            log.open()
        return ThreadAppender(log.append, log.close)

    def open_wakeups(self, heard: Callable[[], None]) -> Wakeups:  # noqa: ARG002 - nobody calls
        return NoWakeups()

    def hold(self) -> AbstractContextManager[StoreLock]:
        return hold(self.lock)

    @contextmanager
    def rebuilding(self) -> Iterator[bool]:
        with hold(self.path / "rebuild.lock"):
            yield True

    def find_server(self) -> ServerAddress | None:
        return find_server(self.lock)

    def prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def grants(self, role: str) -> list[str]:  # noqa: ARG002 - files have modes instead
        return []

    async def versions(self) -> tuple[str, str | None]:
        return engine_version(), engine_warning()


def _durable(connection: Any, _record: object) -> None:
    # We begin transactions ourselves: sqlite3 would begin them later than it should.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=TRUNCATE")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(connection: Any) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
