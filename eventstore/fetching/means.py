"""What pollers need from the process that they run in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.event import NewEvent
from eventstore.fetching.clock import Clock
from eventstore.fetching.connections import Connection
from eventstore.fetching.pace import Pace
from eventstore.fetching.portal_client import PortalClient
from eventstore.quarantine import Unreadable

Append = Callable[[Portal, str, Sequence[NewEvent]], Awaitable[int]]
"""Appends what a receiver witnessed, durably; returns how much of it was new.

Raises StoreUnavailable, or SpoolFull, when it is not kept.
"""

Seal = Callable[[Portal, bytes, Unreadable], Awaitable[bool]]
"""Keeps in quarantine what nobody can read; says whether it did. Raises StoreUnavailable."""


class Line(PortalClient, Protocol):
    """A client that is closed at the end."""

    async def close(self) -> None:
        """Let go of what it holds."""


class Stop:
    """Tells pollers to end what they do, and waits with them in between."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Whether it is time to end."""
        return self._event.is_set()

    def ask(self) -> None:
        """Let it be time."""
        self._event.set()

    async def rest(self, clock: Clock, seconds: float) -> None:
        """Wait so long, or until it is time to end."""
        tasks = [
            asyncio.ensure_future(waiting) for waiting in (clock.sleep(seconds), self._event.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def _nothing_waits(_portal: Portal) -> bool:
    return False


@dataclass
class Means:
    """The store, the door to the log, and the way to portals.

    `alone` says that whoever polled before is gone: this process holds an embedded store.
    `waits` says whether events of a portal are stored, but not in the log yet.
    """

    catalog: Catalog
    log: Pool
    append: Append
    seal: Seal
    open_line: Callable[[Connection], Awaitable[Line]]
    clock: Clock
    holder: str
    alone: bool = False
    waits: Callable[[Portal], bool] = _nothing_waits
    random: Random = field(default_factory=Random)
    _paces: dict[int, Pace] = field(default_factory=dict)

    def pace(self, portal_id: int) -> Pace:
        """Return the pace of a portal, which all its connections share."""
        return self._paces.setdefault(portal_id, Pace(self.clock))
