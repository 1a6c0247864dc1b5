"""Stores for a projector: portals whose logs have events, and what is made of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.envelope import Receiving, events_of
from eventstore.event import NewEvent
from eventstore.log import Pending
from eventstore.store import Store
from projections.difference import Difference
from projections.live import Live
from projections.projector import Projector
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.engines import query
from tests.eventstore.factories import new
from tests.promises import simulated_portal
from tests.promises.received import FINGERPRINTS, KEY, received
from tests.promises.server import NOW


def portal(portal_id: int = 1) -> Portal:
    """A portal that no catalog knows."""
    return Portal(portal_id, f"portal-{portal_id}", "member", None, NOW, 1, KEY)


def unreadable(count: int, begin: int = 0) -> list[NewEvent]:
    """Events that nobody can decode: each is one row of a generation, at its position."""
    return [
        new(f"webhook:{number}", event_type="ONNOTHING") for number in range(begin, begin + count)
    ]


def lived(seed: int) -> list[NewEvent]:
    """What the witnesses of a short life deliver."""
    random = Random(seed)  # noqa: S311 - the same life again
    deliveries = simulated_portal.Portal(random).live(40).deliveries
    return [
        event
        for number, delivery in enumerate(deliveries)
        for event in received(delivery, str(number))
    ]


def contradicting(events: Sequence[NewEvent]) -> NewEvent:
    """What the queue of one of these events says later: that its message is in another chat."""
    said = next(event for event in events if '"chatId":2201' in event.payload)
    number, sequence = str(said.sequence), 799_000
    payload = said.payload.replace("2201", "2202").replace(number, str(sequence))
    key = said.key.replace(number, str(sequence))
    return said._replace(key=key, sequence=sequence, payload=payload)


def orphaned(message_id: int = 999_001) -> NewEvent:
    """What a queue tells of a message that nobody told of before: that it was deleted."""
    tree = samples.tree("im_v2/onimv2messagedelete.json") | {"eventId": message_id}
    tree["data"]["messageId"] = message_id
    how = Receiving(NOW, FINGERPRINTS, KEY, source="fetch", receiver="user:58")
    (event,) = events_of(tree, how)
    assert isinstance(event, NewEvent)
    return event


async def append(store: Store, to: Portal, events: Sequence[NewEvent]) -> int:
    """Append events; return the newest position."""
    appender = await store.open_appender()
    try:
        outcomes = await appender.append_all([Pending(to.origin, event) for event in events])
    finally:
        await appender.close()
    return max(outcome.position for outcome in outcomes)


@asynccontextmanager
async def projecting(
    store: Store, *portals: Portal, generation: int = 1
) -> AsyncIterator[Projector]:
    """A projector of a generation whose tables are there."""
    events = Pool(store.log, 1)
    numbers = [portal.id for portal in portals]
    projector = Projector(events, store.generation(generation), lambda: numbers)
    try:
        yield projector
    finally:
        await projector.close()
        await events.close()


@asynccontextmanager
async def running(projector: Projector) -> AsyncIterator[None]:
    """Let a projector project by itself."""
    task = asyncio.create_task(projector.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def living(store: Store, *, project: bool = False) -> AsyncIterator[Live]:
    """What a server process has of the read models."""
    events = Pool(store.log, 4)
    live = Live(store, events, project=project)
    try:
        yield live
    finally:
        await live.close()
        await events.close()


async def differences(store: Store, *portals: Portal) -> list[Difference]:
    """What is stored of these portals and is not what the log says."""
    return [
        *[found async for found in verify_log(store, portals, unread)],
        *[found async for found in verify_read_models(store, portals, unread)],
    ]


def unread(_done: int, _total: int) -> None:
    """Nobody watches the progress."""


async def undecoded(store: Store, portal_id: int = 1) -> dict[int, str]:
    """Why events could not be decoded, by position."""
    rows = await query(
        store.generation(1),
        f"SELECT position, reason FROM undecoded WHERE portal_id = {portal_id} ORDER BY position",  # noqa: S608
    )
    return dict(rows)


async def portals(catalog: Catalog) -> list[Portal]:
    """The portals of a catalog, as they are now."""
    return list((await catalog.snapshot()).portals.values())
