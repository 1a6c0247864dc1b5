"""What is new in a portal, read once for all who follow it, each from a place of their own."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

import structlog

from eventstore.errors import StoreUnavailable

_log = structlog.get_logger()

_WINDOW: Final = 250
"""Positions that are read at once."""

_MOST: Final = 2_000
_LARGEST: Final = 2**23
"""Items, and bytes, that are kept for who is not far behind. Who is, reads by themselves."""

_LARGEST_PIECE: Final = 2**18
"""Bytes that one who follows is given at once, more or less."""

_PACE: Final = 0.02
"""Seconds from one look to the next: under load, fewer and larger pieces for everybody."""

_PATIENCE: Final = 1.0
"""Seconds after which somebody who follows looks up, though nothing came."""


@dataclass
class Item:
    """What a position has to say, and how many bytes that takes, more or less.

    `message` keeps how all of it is said: most who follow want that.
    """

    position: int
    said: Any
    size: int
    message: bytes | None = None


class Piece(NamedTuple):
    """What there is behind a position, up to another one."""

    items: Sequence[Item]
    upto: int


class Bell:
    """Wakes all who wait for it, each time that it is rung."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, *, seconds: float) -> None:
        """Wait until it is rung, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()


class Source(Protocol):
    """Where what is new comes from."""

    def newest(self) -> int:
        """Return the newest position that can be read."""

    async def wait(self, position: int, *, seconds: float) -> None:
        """Wait until a position can be read, so long at most. Raises StoreUnavailable."""

    async def read(self, after: int, upto: int) -> Sequence[Item]:
        """Return what positions have to say, ascending; those that say nothing are left out.

        Raises StoreUnavailable.
        """


class Feed:
    """What is new of one source. It is read while somebody follows, and kept for a while.

    Nothing is queued for anybody: who asks gets what is behind their position.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._items: list[Item] = []
        self._size = 0
        self._since = self._upto = source.newest()
        self._came = Bell()
        self._followers = 0
        self._reading: asyncio.Task[None] | None = None

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Read what is new as long as the context lasts."""
        self._followers += 1
        if self._reading is None:
            self._since = self._upto = max(self._upto, self._source.newest())
            self._items, self._size = [], 0
            self._reading = asyncio.create_task(self._read())
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._reading.cancel()
                self._reading = None

    async def behind(self, position: int) -> Piece:
        """Return what is behind a position; what comes within a second, if there is nothing yet.

        Call it inside `followed`. Raises StoreUnavailable.
        """
        if position >= self._upto:
            await self._came.wait(seconds=_PATIENCE)
        if self._reading is not None and self._reading.done():
            self._reading.result()  # raises what ended it: a defect of ours
        if position < self._since:
            upto = min(position + _WINDOW, self._since)
            return _piece(await self._source.read(position, upto), upto)
        begin = bisect_right(self._items, position, key=attrgetter("position"))
        return _piece(self._items[begin:], max(position, self._upto))

    def wake(self) -> None:
        """Let everybody look up."""
        self._came.ring()

    async def _read(self) -> None:
        while True:
            try:
                await self._source.wait(self._upto + 1, seconds=_PATIENCE)
                upto = min(self._source.newest(), self._upto + _WINDOW)
                if upto > self._upto:
                    self._keep(await self._source.read(self._upto, upto), upto)
            except StoreUnavailable as error:
                _log.error("what is new cannot be read", error=str(error))
                await asyncio.sleep(_PATIENCE)
            await asyncio.sleep(_PACE)

    def _keep(self, items: Sequence[Item], upto: int) -> None:
        self._items += items
        self._size += sum(item.size for item in items)
        self._upto = upto
        dropped = 0
        while len(self._items) - dropped > _MOST or self._size > _LARGEST:
            self._size -= self._items[dropped].size
            self._since = self._items[dropped].position
            dropped += 1
        del self._items[:dropped]
        self.wake()


def _piece(items: Sequence[Item], upto: int) -> Piece:
    """Make a piece that is not too large: what is left out is behind it."""
    sizes = accumulate(item.size for item in items)
    fit = max(1, sum(1 for _ in takewhile(lambda size: size <= _LARGEST_PIECE, sizes)))
    fit = min(fit, _WINDOW)
    if fit < len(items):
        return Piece(items[:fit], items[fit - 1].position)
    return Piece(items, upto)


class Feeds:
    """The feeds of a server, by what they are of. `appended` rings when a log may have grown."""

    def __init__(self) -> None:
        self.stopping = False
        self.appended = Bell()
        self._feeds: dict[Hashable, Feed] = {}

    def of(self, key: Hashable, source: Callable[[], Source]) -> Feed:
        """Return a feed; it is made from its source when it is asked for first."""
        if key not in self._feeds:
            self._feeds[key] = Feed(source())
        return self._feeds[key]

    def stop(self) -> None:
        """Let all who follow end: the server stops."""
        self.stopping = True
        for feed in self._feeds.values():
            feed.wake()
