"""Brings the tables of logs and catalog to this version, in numbered steps.

Read models are rebuilt, never migrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import MetaData

from eventstore.database import Place
from eventstore.errors import StoreMissing, StoreUnavailable, WrongSchema
from eventstore.log import heads_of
from eventstore.schema import catalog_metadata, log_metadata
from eventstore.store import Store


class Step(NamedTuple):
    """What leads to a version from the one before. The same statements serve both engines.

    `{text}` and `{bytes}` stand for an engine's types.
    """

    version: int
    log: Sequence[str] = ()
    catalog: Sequence[str] = ()


STEPS: Final = (
    # Version 1 had no number. Its one pointer was for all portals.
    Step(
        2,
        catalog=(
            """
            CREATE TABLE pointer (
                portal_id INTEGER NOT NULL, generation INTEGER NOT NULL, PRIMARY KEY (portal_id)
            )
            """,
            """
            INSERT INTO pointer (portal_id, generation)
            SELECT portal.id, generation.number FROM portal, generation
            """,
            "DROP TABLE generation",
            """
            CREATE TABLE generation (
                number INTEGER NOT NULL, seen_at BIGINT NOT NULL, left_at BIGINT,
                PRIMARY KEY (number)
            )
            """,
        ),
    ),
    # The access log, which is made as a whole where there is none.
    Step(3),
    Step(
        4,
        catalog=(
            """
            CREATE TABLE token_limit (
                token BIGINT NOT NULL, since BIGINT, until BIGINT, rate_count INTEGER,
                rate_seconds INTEGER, PRIMARY KEY (token)
            )
            """,
            """
            CREATE TABLE token_chat (
                token BIGINT NOT NULL, chat_id BIGINT NOT NULL, PRIMARY KEY (token, chat_id)
            )
            """,
            """
            CREATE TABLE token_use (
                token BIGINT NOT NULL, used_at BIGINT NOT NULL, PRIMARY KEY (token)
            )
            """,
        ),
    ),
    Step(
        5,
        catalog=(
            """
            CREATE TABLE connection (
                portal_id INTEGER NOT NULL, number INTEGER NOT NULL, receiver {text} NOT NULL,
                user_receiver {text}, domain {text} NOT NULL, sealed {bytes} NOT NULL,
                created_at BIGINT NOT NULL, renewing_until BIGINT NOT NULL,
                PRIMARY KEY (portal_id, number), UNIQUE (portal_id, receiver)
            )
            """,
            """
            CREATE TABLE queue (
                portal_id INTEGER NOT NULL, number INTEGER NOT NULL, holder {text},
                beat BIGINT NOT NULL, state {text} NOT NULL, state_since_at BIGINT, error {text},
                tried_at BIGINT, succeeded_at BIGINT, failing_since_at BIGINT,
                fetched BIGINT NOT NULL, newest BIGINT, newest_date BIGINT, acknowledged BIGINT,
                met BIGINT, since BIGINT, until BIGINT, told_until BIGINT, sees {text},
                hole_from BIGINT, hole_cause {text}, PRIMARY KEY (portal_id, number)
            )
            """,
        ),
    ),
)
VERSION: Final = STEPS[-1].version
"""The version of the tables of logs and catalog that this code reads and writes."""


@dataclass(frozen=True)
class Part:
    """One of the sets of tables that are kept for ever."""

    name: str
    place: Place
    metadata: MetaData

    def statements(self, step: Step) -> Sequence[str]:
        """Return what a step does here."""
        return step.catalog if self.metadata is catalog_metadata else step.log


def parts(store: Store) -> tuple[Part, Part, Part]:
    """Return the log of a store, its access log and its catalog."""
    return (
        Part("log", store.log, log_metadata),
        Part("access_log", store.access_log, log_metadata),
        Part("catalog", store.catalog, catalog_metadata),
    )


async def ensure(store: Store) -> None:
    """Make logs and catalog of this version where there is none; else check what is there.

    Raises what `check` raises, and StoreUnavailable when they cannot be made, or when there is a
    log but no catalog that says whose events they are.
    """
    await _prepare(store)
    # The logs are made first: without a catalog, there is nothing in them yet.
    if not await store.catalog.exists():
        for part in parts(store):
            await _create(part)
    await check(store)


async def check(store: Store) -> None:
    """Raise StoreMissing where there is no store, and WrongSchema where it is of another version.

    A server must neither read nor write tables that it does not know.
    """
    for part in reversed(parts(store)):
        if not await part.place.exists():
            raise StoreMissing(f"no {part.name} in {store.name} yet: `chronicle migrate` makes it")
        version = await _version(part)
        if version < VERSION:
            raise WrongSchema(
                f"the {part.name} in {store.name} has version {version}, this is {VERSION}:"
                " stop the servers and run `chronicle migrate`"
            )
        if version > VERSION:
            raise WrongSchema(
                f"the {part.name} in {store.name} has version {version}, newer than {VERSION}:"
                " run the newer Chronicle that made it"
            )


async def migrate(store: Store) -> dict[str, tuple[int, int]]:
    """Make or upgrade logs and catalog; return the versions before and after, 0 for not there.

    Each part is upgraded whole or not at all, under a lock; cut off between two of them, the next
    run goes on. Raises WrongSchema when one is newer than this code, StoreInUse when a server has
    an embedded store, and StoreUnavailable as `ensure` does.
    """
    await _prepare(store)
    done: dict[str, tuple[int, int]] = {}
    with store.hold():
        for part in parts(store):
            before = await _version(part) if await part.place.exists() else 0
            if before > VERSION:
                await check(store)
            if before == 0:
                await _create(part)
            elif before < VERSION:
                await _upgrade(part)
            done[part.name] = before, VERSION
    return done


async def _prepare(store: Store) -> None:
    store.prepare()
    if await store.catalog.exists():
        return
    for log in (store.log, store.access_log):
        if await log.exists() and await heads_of(log):
            raise StoreUnavailable(
                f"{store.name} has a log with events, but no catalog that says whose they are: put"
                " all back from one backup"
            )


async def _version(part: Part) -> int:
    session = await part.place.open_reader()
    try:
        return await session.stamp() or 1
    finally:
        await session.close()


async def _create(part: Part) -> None:
    session = await part.place.open_writer()
    try:
        async with session.transaction():
            await session.keep_out_writers(part.metadata)
            await session.create(part.metadata, indexes=True)
            await session.set_stamp(VERSION)
    finally:
        await session.close()


async def _upgrade(part: Part) -> None:
    session = await part.place.open_writer()
    try:
        async with session.transaction():
            await session.keep_out_writers(part.metadata)
            before = await session.stamp() or 1
            for step in STEPS:
                if step.version > before:
                    for statement in part.statements(step):
                        await session.execute(session.spelled(statement))
            await session.set_stamp(VERSION)
    finally:
        await session.close()
