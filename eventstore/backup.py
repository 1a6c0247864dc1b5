"""Copies a store's logs, catalog and key to a folder, and back to either engine.

A backup is an embedded store itself, whatever engine it came from: it can be verified where it
lies. Read models are not in it, since they are derived.
"""

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import MetaData, select

from eventstore.database import Place, Pool, Session
from eventstore.database.sqlite import sync
from eventstore.errors import BackupUnusable, WrongSecretKey
from eventstore.event import Instant
from eventstore.folder import Folder
from eventstore.log import heads
from eventstore.migrations import VERSION, check, parts
from eventstore.schema import catalog_metadata, event, log_metadata
from eventstore.secret_key import SecretKey
from eventstore.store import Store

_MANIFEST: Final = "manifest.json"

Progress = Callable[[int, int], None]
"""Is told how many events of how many are copied."""

_Count = Callable[[int], None]


class Manifest(BaseModel):
    """What a backup holds. It is written last: a folder without it is no backup."""

    model_config = ConfigDict(frozen=True)

    schema_version: int
    made_at: Annotated[Instant, Field(description="microseconds since 1970, UTC")]
    heads: Annotated[dict[int, int], Field(description="newest position, by portal id")]
    access_heads: Annotated[
        dict[int, int], Field(description="newest position of the access log, by portal id")
    ] = {}
    sha256: Annotated[dict[str, str], Field(description="digest of each file, by its name")]

    @property
    def events(self) -> int:
        """How many events are in it."""
        return sum(self.heads.values())


async def backup(store: Store, folder: Path, progress: Progress, *, now: Instant) -> Manifest:
    """Copy a store as it is at one moment into a new folder. A server may run, and go on.

    It is durable when this returns. Raises BackupUnusable when the folder is not empty, and
    StoreUnavailable when the store cannot be read, or the folder not be written.
    """
    await check(store)
    copy = _empty(folder)
    async with AsyncExitStack() as stack:
        log, access_log = Pool(store.log, 1), Pool(store.access_log, 1)
        for pool in (log, access_log):
            stack.push_async_callback(pool.close)
        catalog = await store.catalog.open_writer()
        stack.push_async_callback(catalog.close)
        async with catalog.transaction():
            # Nothing may move from the catalog to the log, out of quarantine say, in between.
            await catalog.keep_out_writers(catalog_metadata)
            # Who looked at an event came after it.
            looks = await stack.enter_async_context(access_log.reading())
            looked = await heads(looks)
            events = await stack.enter_async_context(log.reading())
            newest = await heads(events)  # from here on, the log is seen as it is now
            await _write(catalog, copy.catalog, catalog_metadata, _silent)
        counted = _counted(progress, newest, looked)
        await _write(events, copy.log, log_metadata, counted)
        await _write(looks, copy.access_log, log_metadata, counted)
    shutil.copyfile(store.secret_key, copy.secret_key)
    copy.secret_key.chmod(0o600)
    manifest = Manifest(
        schema_version=VERSION,
        made_at=now,
        heads=newest,
        access_heads=looked,
        sha256=_digests(folder),
    )
    _keep(folder / _MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
    return manifest


async def restore(folder: Path, store: Store, progress: Progress) -> Manifest:
    """Copy a backup into a store that has neither logs nor catalog yet, of either engine.

    All of it is there when this returns, or nothing. Raises BackupUnusable when the folder holds
    no whole backup, or when the store has something to lose; WrongSchema for a backup of another
    version; WrongSecretKey when another key is in the key's place.
    """
    manifest = _manifest(folder)
    source = Folder(folder)
    await check(source)
    store.prepare()
    with store.hold():
        if any([await part.place.exists() for part in parts(store)]):
            raise BackupUnusable(
                f"{store.name} has a log or a catalog already: a backup is restored where there"
                " is none"
            )
        _put_key(source.secret_key, store.secret_key)
        async with AsyncExitStack() as stack:
            # The catalog comes last: a store without one is none.
            counted = _counted(progress, manifest.heads, manifest.access_heads)
            for part, copy in reversed([*zip(parts(store), parts(source), strict=True)]):
                pool = Pool(copy.place, 1)
                stack.push_async_callback(pool.close)
                session = await stack.enter_async_context(pool.reading())
                await stack.enter_async_context(
                    _filling(part.place, session, part.metadata, counted)
                )
    return manifest


async def _write(source: Session, place: Place, metadata: MetaData, count: _Count) -> None:
    async with _filling(place, source, metadata, count):
        pass


@asynccontextmanager
async def _filling(
    place: Place, source: Session, metadata: MetaData, count: _Count
) -> AsyncIterator[None]:
    """Copy tables to a place where there are none; they are there when the context has ended."""
    target = await place.open_writer()
    try:
        async with target.transaction():
            await target.create(metadata, indexes=True)
            await target.set_stamp(VERSION)
            for table in metadata.sorted_tables:
                async for rows in source.stream(select(table)):
                    await target.insert(table, rows)
                    if table is event:
                        count(len(rows))
            yield
        await target.settle()
    finally:
        await target.close()


def _empty(folder: Path) -> Folder:
    if folder.exists() and any(folder.iterdir()):
        raise BackupUnusable(f"{folder} is not empty: a backup is made in a folder of its own")
    copy = Folder(folder)
    copy.prepare()
    return copy


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupUnusable(f"{folder} holds no whole backup: {_MANIFEST} is missing") from None
    except ValidationError:
        raise BackupUnusable(f"{folder / _MANIFEST} is damaged") from None
    for name, digest in manifest.sha256.items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise BackupUnusable(f"{folder / name} is missing, or is not what was backed up")
    return manifest


def _put_key(kept: Path, place: Path) -> None:
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep(place, kept.read_bytes())
    elif SecretKey.load(place) != SecretKey.load(kept):
        raise WrongSecretKey(f"{place} is another key than the backup's: move it away first")


def _keep(path: Path, content: bytes) -> None:
    """Write a file for its owner only, durably."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def _digests(folder: Path) -> dict[str, str]:
    names = ("access.db", "catalog.db", "log.db", "secret.key")
    return {name: _digest(folder / name) for name in names}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counted(progress: Progress, *heads: Mapping[int, int]) -> _Count:
    total, done = sum(sum(newest.values()) for newest in heads), 0

    def count(events: int) -> None:
        nonlocal done
        done += events
        progress(done, total)

    return count


def _silent(_events: int) -> None:
    """Count nothing: the catalog is small."""
