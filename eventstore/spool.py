"""The spool: events that came while the database was away wait here, on this machine's disk.

Bitrix24 does not send a webhook again. Events are redacted and have their keys before they come
here, so that their way to the log can be cut off anywhere and begun again: it repeats nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from eventstore.catalog_copy import seal_snapshot, unseal_snapshot
from eventstore.coalescing import Coalescing
from eventstore.directory import Snapshot
from eventstore.drain import Append, Drain
from eventstore.errors import StoreInUse, StoreUnavailable
from eventstore.lock import hold
from eventstore.log import Origin, Pending
from eventstore.secret_key import SecretKey
from eventstore.spool_depth import Depth, in_all
from eventstore.spool_file import SpoolFile


class Spooled(NamedTuple):
    """What became of an event: it is durable, and waits for its position."""

    outcome: Literal["spooled"] = "spooled"
    position: None = None


class Spool:
    """Events that wait for the log, each portal's in the order in which they came."""

    def __init__(self, file: SpoolFile, key: SecretKey) -> None:
        self._file = file
        self._key = key
        self._writer: Coalescing[Spooled] = Coalescing(self._write, "spool-writer")
        self._coming: Counter[int] = Counter()
        self._came = asyncio.Event()
        self._drain = Drain(file)

    # --- what waits

    async def put(self, batch: Sequence[Pending]) -> list[Spooled]:
        """Keep events together, all or none. When this returns, they are on disk.

        Who goes away does not take its events along. Raises SpoolFull when none is kept, and
        StoreUnavailable when the spool is closed.
        """
        portals = [pending.origin.portal_id for pending in batch]
        self._coming.update(portals)
        writing = asyncio.ensure_future(self._writer.append_all(batch))
        writing.add_done_callback(partial(self._settle, portals))
        return await asyncio.shield(writing)

    def holds(self, portal_id: int) -> bool:
        """Say whether events of a portal wait, or are just being written: others go behind."""
        return self._coming[portal_id] > 0 or self.depths().get(portal_id, Depth()).events > 0

    def depths(self) -> Mapping[int, Depth]:
        """Return how much there is of every portal that has something here."""
        return self._file.depths

    def depth(self) -> Depth:
        """Return how much there is in all."""
        return in_all(self.depths().values())

    async def filled(self) -> None:
        """Wait until an event waits."""
        while not self.depth().events:
            self._came.clear()
            await self._came.wait()

    def _write(self, batch: Sequence[Pending]) -> list[Spooled]:
        self._file.write(batch)
        return [Spooled()] * len(batch)

    def _settle(self, portals: list[int], _writing: asyncio.Future[list[Spooled]]) -> None:
        self._coming.subtract(portals)
        self._came.set()

    async def drain(self, append: Append, origin_of: Callable[[int], Origin | None]) -> None:
        """Bring to the log what waits, until nothing does.

        Events leave only after `append` has returned. One that the log does not take is marked,
        stays, and waits again when the spool is opened next; the others go on.

        Raises an EventstoreError or OSError when the log, or the spool's own file, does not answer.
        """
        await self._drain.run(append, origin_of)

    # --- the copy of the catalog

    async def remember(self, snapshot: Snapshot) -> None:
        """Keep a copy of the catalog, so that a server can start without it.

        Raises StoreUnavailable when the file does not take it: the one before stays.
        """
        sealed = seal_snapshot(snapshot, self._key)
        await asyncio.to_thread(self._file.remember, sealed)

    async def remembered(self) -> Snapshot | None:
        """Return the copy of the catalog; None when there is none that this version can read.

        Raises WrongSecretKey when it was altered, and StoreUnavailable.
        """
        sealed = await asyncio.to_thread(self._file.remembered)
        return None if sealed is None else unseal_snapshot(sealed, self._key)

    async def close(self) -> None:
        """Write what is being put, then stop. What waits stays."""
        await self._writer.close()
        await asyncio.to_thread(self._file.close)


@asynccontextmanager
async def open_spool(folder: Path, key: SecretKey, *, limit: int) -> AsyncIterator[Spool]:
    """Open the spool in a folder, creating it if need be, until the context ends.

    What an earlier process left waiting is found. The file holds at most about `limit` bytes.
    Raises StoreInUse when another process has it open, WrongSecretKey when it is of another
    installation, and StoreUnavailable when it cannot be opened.
    """
    with _claimed(folder):
        file = SpoolFile(spool_path(folder), key, limit)
        file.open()
        spool = Spool(file, key)
        try:
            yield spool
        finally:
            await spool.close()


def spool_path(folder: Path) -> Path:
    """Return where the file of a spool is."""
    return folder / "spool.db"


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.enter_context(hold(folder / "spool.lock"))
        except OSError as error:
            raise StoreUnavailable(f"{folder}: {error.strerror}") from error
        except StoreInUse:
            raise StoreInUse(
                f"{folder} is the spool of another server: give each its own (CHRONICLE_SPOOL)"
            ) from None
        yield
