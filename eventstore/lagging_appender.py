"""Takes events now and writes them soon after: a process that is killed loses the last of them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from eventstore.appender import MAX_BATCH, Appender
from eventstore.errors import StoreUnavailable
from eventstore.log import Pending

MOST: Final = 10_000
"""Events that may wait to be written."""

_RETRY: Final = 0.5
"""Seconds until what could not be written is tried again."""

_LAST: Final = 5.0
"""Seconds that the last of them may take when it is closed."""


class LaggingAppender:
    """Takes events before they are written, unless it is known that nothing can be written.

    What was taken is kept until it is written, and is lost with the process only.
    """

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._taken: list[Pending] = []
        self._writing: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    async def append_all(self, batch: Sequence[Pending]) -> None:
        """Take events.

        Raises StoreUnavailable while those before cannot be written, or when too many of them wait.
        """
        if self._failed is not None:
            raise StoreUnavailable(f"what came before cannot be written: {self._failed}")
        if len(self._taken) + len(batch) > MOST:
            raise StoreUnavailable(f"{len(self._taken):,} entries wait to be written")
        self._taken += batch
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write what is waiting, if that can be done in time."""
        if self._writing is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writing, _LAST)

    async def _write(self) -> None:
        while self._taken:
            batch = self._taken[:MAX_BATCH]
            try:
                await self._appender.append_all(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing more may be taken
                self._failed = error
                await asyncio.sleep(_RETRY)
            else:
                self._failed = None
                del self._taken[: len(batch)]
