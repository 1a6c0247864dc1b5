"""The engines that are measured side by side: where a new store is, and where a floor."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import asyncpg

from eventstore.folder import Folder
from eventstore.postgres_store import PostgresStore
from eventstore.store import Store
from scripts.bench.postgresql import running_postgresql

T = TypeVar("T")


class Engine(NamedTuple):
    """An engine: its name and that of its driver, a folder for files, and the server if any."""

    name: str
    driver: str
    folder: Path
    server: str | None = None

    async def new_store(self, name: str) -> Store:
        """Return a store in which there is nothing yet."""
        if self.server is None:
            return Folder(self.folder / name)
        return PostgresStore(await self._new_database(name), self.folder / f"{name}.key")

    async def new_bare(self, name: str) -> str:
        """Return where a floor can be: a file or a database, with nothing in it yet."""
        if self.server is None:
            return str(self.folder / f"{name}.db")
        return await self._new_database(f"{name}-bare")

    async def _new_database(self, name: str) -> str:
        connection = await asyncpg.connect(f"{self.server}/postgres")
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return f"{self.server}/{name}"


@contextmanager
def running_engines(folder: Path) -> Iterator[list[Engine]]:
    """Give both engines; the server of PostgreSQL runs until the block ends."""
    folder.chmod(0o711)  # the server may run as somebody else
    with running_postgresql(folder / "server") as server:
        yield [Engine("SQLite", "sqlite3", folder), Engine("PostgreSQL", "asyncpg", folder, server)]


async def in_turns(
    engines: Sequence[Engine], rounds: int, measure: Callable[[Engine, int], Awaitable[T]]
) -> list[tuple[Engine, list[T]]]:
    """Measure some rounds on each engine, A B B A …; give each its rounds."""
    found: dict[Engine, list[T]] = {engine: [] for engine in engines}
    for number in range(rounds):
        for engine in engines if number % 2 == 0 else reversed(engines):
            found[engine].append(await measure(engine, number))
    return list(found.items())
