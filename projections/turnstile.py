"""A turnstile: who comes waits while it is shut, and it is shut when all who are inside are out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turnstile:
    """Lets in whoever comes, but for moments in which nobody may be inside."""

    def __init__(self) -> None:
        self._inside = 0
        self._empty = asyncio.Event()
        self._open = asyncio.Event()
        self._empty.set()
        self._open.set()

    @asynccontextmanager
    async def inside(self) -> AsyncIterator[None]:
        """Be inside, as soon as it is not shut."""
        while not self._open.is_set():
            await self._open.wait()
        self._inside += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    @asynccontextmanager
    async def shut(self, *, seconds: float) -> AsyncIterator[bool]:
        """Let nobody in meanwhile; say whether all who were inside have left in time.

        Of one task at a time.
        """
        self._open.clear()
        try:
            try:
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
            except TimeoutError:
                yield False
            else:
                yield True
        finally:
            self._open.set()
