"""A store to measure on, and the proof that its log holds what was sent to it."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from pydantic_core import from_json
from sqlalchemy import bindparam, select

from eventstore.body import parse_body
from eventstore.catalog import Catalog
from eventstore.database import Pool, Row
from eventstore.directory import Portal
from eventstore.envelope import Receiving, events_of
from eventstore.event import NewEvent
from eventstore.folder import Folder
from eventstore.log import Pending
from eventstore.postgres_store import PostgresStore
from eventstore.redaction import Fingerprints
from eventstore.schema import event as events
from eventstore.store import SQLITE
from eventstore.store import Store as Place
from projections.verify_log import verify_log
from scripts.bench.envelope import APPLICATION_TOKEN, MEMBER_ID
from scripts.bench.measures import WrongAnswer

SLUG: Final = "acme"
_BATCH: Final = 500
_STORED: Final = (
    select(events.c.position, events.c.event_type, events.c.sequence, events.c.sent_at)
    .where(events.c.portal_id == bindparam("portal_id"))
    .order_by(events.c.position)
)


class Store(NamedTuple):
    """A new store with one portal."""

    place: Place
    portal: Portal
    ingest_key: str
    fingerprints: Fingerprints

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be told to use the store."""
        if isinstance(self.place, Folder):
            return {"CHRONICLE_DATABASE": f"{SQLITE}{self.place.path}"}
        if isinstance(self.place, PostgresStore):
            return {
                "CHRONICLE_DATABASE": self.place.url,
                "CHRONICLE_SECRET_KEY_FILE": str(self.place.secret_key),
                "CHRONICLE_SPOOL": str(self.place.secret_key.with_suffix(".spool")),
            }
        raise TypeError(self.place)

    def new_events(self, lines: Iterable[bytes]) -> list[NewEvent]:
        """Read, redact and key lines of NDJSON."""
        how = Receiving(time.time_ns() // 1000, self.fingerprints, self.portal.hmac_key)
        found = [event for line in lines for event in events_of(parse_body(line), how)]
        return [event for event in found if isinstance(event, NewEvent)]


async def new_store(place: Place) -> Store:
    """Make a store where there is none yet."""
    catalog = await Catalog.open(place, create=True)
    try:
        now = time.time_ns() // 1000
        tokens = [APPLICATION_TOKEN]
        ingest_key = await catalog.add_portal(SLUG, MEMBER_ID, now=now, application_tokens=tokens)
        portal = (await catalog.snapshot()).portal(SLUG)
        fingerprints = catalog.fingerprints
    finally:
        await catalog.close()
    return Store(place, portal, ingest_key, fingerprints)


async def fill(store: Store, lines: Iterator[bytes]) -> None:
    """Append events, as fast as it goes, without keeping them."""
    appender = await store.place.open_appender()
    try:
        while batch := store.new_events(islice(lines, _BATCH)):
            await appender.append_all([Pending(store.portal.origin, event) for event in batch])
    finally:
        await appender.close()


class Identity(NamedTuple):
    """What tells one generated event from all others."""

    event_type: str
    sequence: int | None
    sent_at: int


def identity(tree: Any) -> Identity:
    """Name a generated event, by nothing that Chronicle made."""
    if "eventId" in tree:
        sent_at = datetime.fromisoformat(tree["date"]).timestamp()
        return Identity(tree["type"], tree["eventId"], round(sent_at * 1_000_000))
    return Identity(tree["event"], None, int(tree["ts"]) * 1_000_000)


def identities(lines: Iterable[bytes]) -> Iterator[Identity]:
    """Name the generated events of these lines."""
    return (identity(from_json(line)) for line in lines)


async def check_log(store: Store, expected: Iterable[Identity]) -> None:
    """Read the whole log back: these events, in this order, at 1, 2, 3 …, every byte proved.

    Raises WrongAnswer at the first event that is lost, there twice, out of order or damaged.
    """
    rest = enumerate(expected, start=1)
    async for found in _stored(store):
        position, sent = next(rest, (found[0], None))
        if sent is None or found != (position, *sent):
            raise WrongAnswer(f"position {position}: sent {sent}, stored {found}")
    for position, sent in rest:
        raise WrongAnswer(f"position {position}: sent {sent}, stored nothing")
    async for difference in verify_log(store.place, [store.portal], lambda _done, _total: None):
        raise WrongAnswer(str(difference))


async def _stored(store: Store) -> AsyncIterator[Row]:
    pool = Pool(store.place.log, 1)
    try:
        async with pool.reading() as session:
            async for rows in session.stream(_STORED, portal_id=store.portal.id):
                for row in rows:
                    yield tuple(row)
    finally:
        await pool.close()
