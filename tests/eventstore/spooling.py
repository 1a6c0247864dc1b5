"""A spool, what is put there, and what is in its file."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

from eventstore.drain import Append
from eventstore.log import Origin, Pending
from eventstore.secret_key import SecretKey
from eventstore.spool import Spool, open_spool, spool_path
from tests.eventstore.factories import ORIGIN, OTHER, new

KEY = SecretKey(1, b"s" * 32)
ORIGINS = {origin.portal_id: origin for origin in (ORIGIN, OTHER)}


def opened(
    folder: Path, *, key: SecretKey = KEY, limit: int = 2**30
) -> AbstractAsyncContextManager[Spool]:
    """The spool in a folder, open as long as the context lasts."""
    return open_spool(folder, key, limit=limit)


def batch(*keys: str, origin: Origin = ORIGIN) -> list[Pending]:
    """Events of one portal."""
    return [Pending(origin, new(key)) for key in keys]


async def drain(
    spool: Spool, append: Append, origin_of: Callable[[int], Origin | None] = ORIGINS.get
) -> None:
    """Drain once, and not for ever."""
    async with asyncio.timeout(30):
        await spool.drain(append, origin_of)


def keys_in(folder: Path, where: str = "") -> list[str]:
    """The keys of the events in a spool's file, as another process sees them."""
    with closing(sqlite3.connect(spool_path(folder))) as connection:
        rows = connection.execute(f"SELECT key FROM spooled {where} ORDER BY id")  # noqa: S608
        return [key for (key,) in rows]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """What stands in each file of a folder, by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def modes_of(folder: Path) -> dict[str, int]:
    """Who may read and write each file of a folder, by its name."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
