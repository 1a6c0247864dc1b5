"""The catalog: which portals there are, and who may write to them."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.base import Executable

from eventstore import schema
from eventstore.database import upsert
from eventstore.directory import Portal, Snapshot
from eventstore.errors import (
    InvalidRegistration,
    PortalExists,
    StoreUnavailable,
    UnknownPortal,
    WrongSecretKey,
)
from eventstore.event import Instant
from eventstore.migrations import check, ensure
from eventstore.redaction import Fingerprints
from eventstore.secret_key import SecretKey
from eventstore.store import Store
from eventstore.token_rows import tokens_in

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MEMBER_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")


class Catalog:
    """The catalog. Any process may open it and change it, briefly."""

    def __init__(self, engine: AsyncEngine, key: SecretKey) -> None:
        self.engine = engine
        self.key = key

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """What replaces the secrets of this installation."""
        return Fingerprints(self.key.derive("fingerprint"), self.key.number)

    @cached_property
    def installation(self) -> str:
        """What names this installation outside, and tells nothing of its key."""
        return self.key.derive("exports").hex()[:16]

    @classmethod
    async def open(cls, store: Store, *, create: bool = False, patience: float = 5) -> "Catalog":
        """Open the catalog of a store. Wait `patience` seconds for who has it locked.

        With `create`, log, catalog and secret key are made where there is none of them.
        Raises StoreMissing, WrongSchema, WrongSecretKey when the key is missing or another one
        than the catalog was made with, and StoreUnavailable when it cannot be used.
        """
        await (ensure(store) if create else check(store))
        engine = store.catalog_engine(patience=patience)
        try:
            return cls(engine, await _key(engine, store.secret_key, create=create))
        except BaseException:
            await engine.dispose()
            raise

    @classmethod
    def unreached(cls, store: Store) -> "Catalog":
        """Return the catalog of a store that cannot be reached now: `check_key` before use.

        Raises WrongSecretKey when there is no key file.
        """
        return cls(store.catalog_engine(patience=5), SecretKey.load(store.secret_key))

    async def check_key(self) -> None:
        """Raise WrongSecretKey when the catalog was made with another key than this one."""
        _compare(await self._rows(select(schema.installation.c.key_check)), self.key)

    async def close(self) -> None:
        """Close the connections."""
        await self.engine.dispose()

    # --- portals

    async def add_portal(
        self,
        slug: str,
        member_id: str,
        *,
        now: Instant,
        application_tokens: Sequence[str] = (),
        domain: str | None = None,
    ) -> str:
        """Register a portal; return its ingest key, which is not kept.

        Raises InvalidRegistration for a slug, a member_id or a domain of the wrong form, and
        PortalExists when slug or member_id is taken.
        """
        if not _SLUG.fullmatch(slug):
            raise InvalidRegistration(f"slug {slug!r}: use a-z, 0-9 and -, at most 63")
        if not _MEMBER_ID.fullmatch(member_id):
            raise InvalidRegistration("member id: 1 to 128 printable characters without spaces")
        check_text(domain, "domain")
        hmac_key = secrets.token_bytes(32)
        sealed = self.key.seal(hmac_key, f"portal key of {member_id}")
        async with self.changing() as tx:
            # Changes come one at a time, so the next number is nobody else's.
            newest = (await tx.execute(select(func.max(schema.portal.c.id)))).scalar()
            portal_id = (newest or 0) + 1
            row = {"id": portal_id, "slug": slug, "member_id": member_id, "domain": domain}
            try:
                await tx.execute(
                    insert(schema.portal), {**row, "sealed_key": sealed, "created_at": now}
                )
            except IntegrityError:
                raise PortalExists(slug) from None
            latest = (await tx.execute(select(func.max(schema.pointer.c.generation)))).scalar()
            pointer = {"portal_id": portal_id, "generation": latest or 1}
            await tx.execute(insert(schema.pointer), pointer)
            for token in application_tokens:
                await self._add_application_token(tx, portal_id, token, now)
            return await self._add_ingest_key(tx, portal_id, now)

    async def add_application_token(self, slug: str, token: str, *, now: Instant) -> None:
        """Accept one more application token. Raises UnknownPortal."""
        async with self.changing() as tx:
            await self._add_application_token(tx, await portal_id_of(tx, slug), token, now)

    async def remove_application_token(self, slug: str, token: str) -> bool:
        """Accept an application token no longer; say whether it was accepted before.

        Raises UnknownPortal.
        """
        async with self.changing() as tx:
            table = schema.application_token
            result = await tx.execute(
                delete(table).where(
                    table.c.portal_id == await portal_id_of(tx, slug),
                    table.c.digest == self.key.digest("application token", token),
                )
            )
            return bool(result.rowcount)

    async def rotate_ingest_key(self, slug: str, *, now: Instant, revoke_old: bool) -> str:
        """Return a new ingest key. The old ones stay valid unless they are revoked.

        Bitrix24 does not send again what an unknown key refused, so handlers must be moved first.
        Raises UnknownPortal.
        """
        async with self.changing() as tx:
            portal_id = await portal_id_of(tx, slug)
            if revoke_old:
                table = schema.ingest_key
                await tx.execute(delete(table).where(table.c.portal_id == portal_id))
            return await self._add_ingest_key(tx, portal_id, now)

    async def _add_ingest_key(self, tx: AsyncConnection, portal_id: int, now: Instant) -> str:
        key = secrets.token_urlsafe(24)
        digest = self.key.digest("ingest key", key)
        row = {"portal_id": portal_id, "digest": digest, "created_at": now}
        await tx.execute(insert(schema.ingest_key), row)
        return key

    async def _add_application_token(
        self, tx: AsyncConnection, portal_id: int, token: str, now: Instant
    ) -> None:
        if not token:
            raise InvalidRegistration("an application token cannot be empty")
        digest = self.key.digest("application token", token)
        row = {"portal_id": portal_id, "digest": digest, "created_at": now}
        await tx.execute(upsert(schema.application_token).on_conflict_do_nothing(), row)

    # --- counts and pointers

    async def count_rejections(self, counts: Mapping[tuple[int, str], int]) -> None:
        """Add to the number of requests that were refused, by portal and reason."""
        statement = upsert(schema.rejection)
        statement = statement.on_conflict_do_update(
            index_elements=schema.rejection.primary_key,
            set_={"count": schema.rejection.c.count + statement.excluded.count},
        )
        async with self.writing() as tx:
            # In one order, or two processes would wait for each other.
            for (portal_id, reason), count in sorted(counts.items()):
                row = {"portal_id": portal_id, "reason": reason, "count": count}
                await tx.execute(statement, row)

    async def rejections(self) -> dict[int, int]:
        """Return how many requests were refused, by portal."""
        table = schema.rejection
        statement = select(table.c.portal_id, func.sum(table.c.count)).group_by(table.c.portal_id)
        return {portal_id: int(count) for portal_id, count in await self._rows(statement)}

    # --- reading

    async def revision(self) -> int:
        """Return the number that moves with every change."""
        return int((await self._rows(select(schema.installation.c.revision)))[0][0])

    async def snapshot(self) -> Snapshot:
        """Return the whole catalog.

        What is changed meanwhile is in it or not; its revision is never newer than the rest.
        """
        async with self.reading() as tx:
            revision = (await tx.execute(select(schema.installation.c.revision))).scalar_one()
            rows = (await tx.execute(select(schema.portal).order_by(schema.portal.c.id))).all()
            pointers = select(schema.pointer.c.portal_id, schema.pointer.c.generation)
            generations = {row[0]: row[1] for row in await tx.execute(pointers)}
            ingest_keys = await _digests(tx, schema.ingest_key)
            application_tokens = await _digests(tx, schema.application_token)
            tokens = await tokens_in(tx)
        portals = [
            Portal(
                id=row.id,
                slug=row.slug,
                member_id=row.member_id,
                domain=row.domain,
                created_at=row.created_at,
                generation=generations[row.id],
                hmac_key=self.key.unseal(row.sealed_key, f"portal key of {row.member_id}"),
                application_tokens=frozenset(application_tokens.get(row.id, ())),
                ingest_keys=frozenset(ingest_keys.get(row.id, ())),
            )
            for row in rows
        ]
        return Snapshot(
            revision,
            {portal.slug: portal for portal in portals},
            {token.digest: token for token in tokens},
        )

    async def _rows(self, statement: Executable) -> Sequence[Any]:
        return await _rows(self.engine, statement)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """See one moment of the catalog, and keep nobody from changing it.

        Raises StoreUnavailable when the file is locked for too long, or cannot be used.
        """
        return _transaction(self.engine)

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Change the catalog: all of it, or nothing. Raises StoreUnavailable as reading does."""
        return _transaction(_writing(self.engine))

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Change what every server must know within a second. One change at a time.

        Raises StoreUnavailable as reading does.
        """
        table = schema.installation
        async with self.writing() as tx:
            await tx.execute(update(table).values(revision=table.c.revision + 1))
            yield tx


async def _key(engine: AsyncEngine, path: Path, *, create: bool) -> SecretKey:
    """Return the key of a store. Only one that has none yet is given one: a lost key is put back.

    Raises WrongSecretKey.
    """
    check_value = select(schema.installation.c.key_check)
    kept = await _rows(engine, check_value)
    key = SecretKey.load_or_create(path) if create and not kept else SecretKey.load(path)
    if not kept:
        row = {"id": 1, "key_check": key.check_value, "revision": 1}
        async with _transaction(_writing(engine)) as tx:
            await tx.execute(upsert(schema.installation).on_conflict_do_nothing(), row)
        kept = await _rows(engine, check_value)
    _compare(kept, key)
    return key


def _compare(kept: Sequence[Any], key: SecretKey) -> None:
    if not kept or kept[0][0] != key.check_value:
        raise WrongSecretKey("this store was made with another secret key: put the first one back")


async def _rows(engine: AsyncEngine, statement: Executable) -> Sequence[Any]:
    async with _transaction(engine) as tx:
        return (await tx.execute(statement)).all()


def _writing(engine: AsyncEngine) -> AsyncEngine:
    # Of two that read and then write, a deferred transaction would fail one.
    return engine.execution_options(begin="BEGIN IMMEDIATE")


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.begin() as tx:
            yield tx
    except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"the catalog: {_in_words(error)}") from error


def _in_words(error: BaseException) -> str:
    """Say what a driver said, without the statement or its parameters, on one line."""
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0] or type(cause).__name__


def check_text(text: str | None, what: str) -> None:
    """Raise InvalidRegistration for what cannot be printed."""
    # PostgreSQL takes no NUL, and a terminal that lists them had better get none of its commands.
    if text is not None and not text.isprintable():
        raise InvalidRegistration(f"{what}: printable characters only")


async def portal_id_of(tx: AsyncConnection, slug: str) -> int:
    """Return the number of a portal. Raises UnknownPortal."""
    if not _SLUG.fullmatch(slug):
        raise UnknownPortal(slug)
    found = await tx.execute(select(schema.portal.c.id).where(schema.portal.c.slug == slug))
    portal_id = found.scalar()
    if portal_id is None:
        raise UnknownPortal(slug)
    return int(portal_id)


async def _digests(tx: AsyncConnection, table: Any) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for portal_id, digest in await tx.execute(select(table.c.portal_id, table.c.digest)):
        found.setdefault(portal_id, []).append(digest)
    return found
