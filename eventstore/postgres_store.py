"""The store of a server: a PostgreSQL database, with a schema for each set of tables."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eventstore.appender import Appender
from eventstore.database.postgresql import (
    BRIEF,
    BY_INDEX,
    PostgresSchema,
    PostgresServer,
    explained,
)
from eventstore.errors import WrongSecretKey
from eventstore.lock import ServerAddress
from eventstore.portal_appender import PortalAppender
from eventstore.postgres_log import PostgresLog
from eventstore.roles import grants
from eventstore.wakeups import PostgresWakeups, Wakeups


def check_address(url: str) -> None:
    """Raise ValueError for what cannot be the address of a database, without quoting it.

    A password that is not escaped would be read as a host or a path, and shown as such.
    """
    try:
        parts = urlsplit(url)
        given = parse_qs(parts.query, strict_parsing=bool(parts.query))
        _ = parts.port, [int(port) for port in given.get("port", ())]
        escaped = parts.netloc.count("@") <= 1 and "@" not in parts.path + parts.query
        readable = escaped and not parts.fragment and "," not in parts.netloc
    except ValueError:
        readable = False
    if not readable:
        raise ValueError(
            "must name one host and a port that is a number, and what a password has of"
            " / ? # @ : [ ] must be spelled with %"
        )


@dataclass(frozen=True)
class PostgresStore:
    """Where the schemas of one installation are."""

    url: str = field(repr=False)
    key_file: Path | None = None

    @property
    def server(self) -> PostgresServer:
        """The database."""
        return PostgresServer(self.url)

    @property
    def remote(self) -> bool:
        return True

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def secret_key(self) -> Path:
        if self.key_file is None:
            raise WrongSecretKey(
                "CHRONICLE_SECRET_KEY_FILE must be set with PostgreSQL: the same file for every"
                " server and command"
            )
        return self.key_file

    @property
    def temporary(self) -> Path | None:
        return None

    @property
    def log(self) -> PostgresSchema:
        return PostgresSchema(self.server, "log", BY_INDEX)

    @property
    def access_log(self) -> PostgresSchema:
        return PostgresSchema(self.server, "access", BY_INDEX)

    @property
    def catalog(self) -> PostgresSchema:
        return PostgresSchema(self.server, "catalog")

    def generation(self, number: int) -> PostgresSchema:
        return PostgresSchema(self.server, f"read_{number}")

    async def generations(self) -> list[int]:
        connection = await self.server.connect({})
        try:
            with explained(self.server):
                rows = await connection.fetch("SELECT nspname FROM pg_namespace")
        finally:
            await connection.close()
        found = (re.fullmatch(r"read_(\d+)", name) for (name,) in rows)
        return sorted(int(match[1]) for match in found if match)

    def catalog_engine(self, *, patience: float) -> AsyncEngine:
        settings = {**BRIEF, "lock_timeout": f"{patience:g}s"}
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self.server.connect(settings),
            pool_size=2,
            max_overflow=0,
            pool_timeout=patience,
            pool_pre_ping=True,  # a server that was restarted has forgotten our connections
        )
        return engine.execution_options(schema_translate_map={None: self.catalog.schema})

    async def check_settings(self) -> None:
        log = PostgresLog(self.server, self.log.schema)
        try:
            await log.open()
        finally:
            await log.close()

    async def open_appender(self) -> Appender:
        return self._appender(self.log)

    async def open_access_appender(self) -> Appender:
        return self._appender(self.access_log)

    def _appender(self, place: PostgresSchema) -> Appender:
        log = PostgresLog(self.server, place.schema)
        return PortalAppender(log.append, log.close)

    def open_wakeups(self, heard: Callable[[], None]) -> Wakeups:
        return PostgresWakeups(self.server, heard)

    @contextmanager
    def hold(self) -> Iterator["AnyoneMayWrite"]:
        yield AnyoneMayWrite()

    @contextmanager
    def rebuilding(self) -> Iterator[bool]:
        yield False

    def find_server(self) -> ServerAddress | None:
        return None

    def prepare(self) -> None:
        """Every server and command connects for itself."""

    def grants(self, role: str) -> list[str]:
        return grants(role)

    async def versions(self) -> tuple[str, str | None]:
        connection = await self.server.connect({})
        try:
            with explained(self.server):
                version = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
        return f"PostgreSQL {version.split()[0]}", None


class AnyoneMayWrite:
    """The right to write where many processes have it: the rows that they lock keep order."""

    def announce(self, address: ServerAddress) -> None:
        """Commands need no server to write."""
