"""A process that polls, and that is killed at the n-th thing it does: here, without a process.

What it does are calls of the portal, appends and statements of the catalog. Once it is dead
nothing that it still tries has an effect: what a `finally` would tidy up stays as it was.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from eventstore.appender import Appender
from eventstore.catalog import Catalog
from eventstore.fetching.portal_client import Answer, PortalClient
from eventstore.log import Outcome, Pending

Result = TypeVar("Result")


class Killed(BaseException):
    """The process ends here. No `except Exception` sees it, as none sees a real kill."""


@dataclass
class Life:
    """How many things a process may do until it is killed; None for all that it wants."""

    left: int | None = None

    def step(self) -> None:
        """Do one thing. Raises Killed when it is one too many, and ever after."""
        if self.left is None:
            return
        if self.left <= 0:
            raise Killed
        self.left -= 1

    async def around(self, deed: Callable[[], Awaitable[Result]]) -> Result:
        """Do something that others see: it may be killed before it, or after it was done."""
        self.step()
        done = await deed()
        self.step()
        return done


@dataclass
class MortalClient:
    """A client of a process that may be killed before a call is heard, or before its answer is."""

    client: PortalClient
    life: Life

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        return await self.life.around(lambda: self.client.call(method, params))

    async def close(self) -> None:
        pass


@dataclass
class MortalAppender:
    """The door to the log of a process that may be killed before an append, or after it."""

    appender: Appender
    life: Life

    async def append_all(self, batch: Sequence[Pending]) -> list[Outcome]:
        return await self.life.around(lambda: self.appender.append_all(batch))


class MortalCatalog:
    """The catalog of a process that may be killed before any of its statements."""

    def __init__(self, catalog: Catalog, life: Life) -> None:
        self._catalog = catalog
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def reading(self) -> AbstractAsyncContextManager[Any]:
        return self._living(self._catalog.reading)

    def writing(self) -> AbstractAsyncContextManager[Any]:
        return self._living(self._catalog.writing)

    @asynccontextmanager
    async def _living(
        self, begin: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> AsyncIterator[Any]:
        self._life.step()
        async with begin() as tx:
            yield tx
