"""Databases of one server: fresh ones, and copies of one that was prepared once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
from sqlalchemy import make_url


@dataclass(frozen=True)
class Databases:
    """The databases of the server at `url`, which names one that is always there."""

    url: str

    @asynccontextmanager
    async def database(self, template: str = "template0") -> AsyncIterator[str]:
        """Yield the address of a new copy of `template`, to which nobody may be connected.

        It is dropped at the end, whoever is connected then.
        """
        name = await self._create(template)
        try:
            yield self.address(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def prepare(self, template: str, fill: Callable[[str], Awaitable[None]]) -> None:
        """Make a template, unless it is there: `fill` is given the address of an empty database.

        Several may do so at once, in several processes: the first to finish gives it its name.
        """
        if await self._exists(template):
            return
        name = await self._create("template0")
        await fill(self.address(name))
        try:
            await self._execute(f"ALTER DATABASE {name} RENAME TO {template}")
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            await self._execute(f"DROP DATABASE {name}")

    def address(self, name: str) -> str:
        """Return the address of a database by its name."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    async def _create(self, template: str) -> str:
        name = f"test_{uuid4().hex}"
        # Copying files needs a checkpoint and no log: a third quicker than the default, in memory.
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    async def _exists(self, name: str) -> bool:
        connection = await asyncpg.connect(self.url)
        try:
            found = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        finally:
            await connection.close()
        return found is not None

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
