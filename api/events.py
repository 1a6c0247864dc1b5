"""The log as it is: events, what could not be decoded, what could not even be read."""

from dataclasses import dataclass
from typing import Any

from api import models, shapes
from api.coverage import tell_of_portal
from api.endpoint import Endpoint
from api.feeds import Item
from api.followed import Followed
from api.models import Listed, One
from api.queries import Followable, Paged, PortalQuery
from api.read import Read, ReadList, no_such
from api.state import State
from api.times import spelled
from eventstore import log
from eventstore.directory import Portal
from eventstore.event import MAX_INSTANT, Event, Instant
from eventstore.quarantine import Quarantined
from projections.read import undecoded
from projections.tables import UndecodedRow


async def page(read: ReadList[Followable]) -> Listed[models.Event]:
    """The log, ascending: also what is not yet projected."""
    newest = await ended_at(read)
    began_at = read.began_at(newest)
    after = read.key([read.query.after or 0])[0]
    async with read.state.log.reading() as session:
        limit = min(read.fetch, max(began_at - after, 0))
        found = await log.page(session, read.portal_id, after=after, limit=limit)
    await tell_of_portal(read)
    return read.listed(found, lambda event: [event.position], _readable, newest=newest)


async def one(read: Read[PortalQuery]) -> One[models.Event]:
    """One event of the log."""
    async with read.state.log.reading() as session:
        found = await log.events_at(session, read.portal_id, [read.ids["position"]])
    if not found or read.ids["position"] > await ended_at(read):
        raise no_such("event")
    return read.one(_readable(found[0]))


async def undecoded_events(read: ReadList[Paged]) -> Listed[models.UndecodedEvent]:
    """Events that no decoder could read, ascending, each with the reason."""
    newest = min(await ended_at(read), read.position)
    found = await undecoded.page(
        read.session,
        read.portal_id,
        after=read.key([0])[0],
        began_at=read.began_at(newest),
        limit=read.fetch,
    )
    async with read.state.log.reading() as session:
        events = await log.events_at(session, read.portal_id, [row.position for row in found])
    types = {event.position: event.event_type for event in events}
    await tell_of_portal(read)

    def show(row: UndecodedRow) -> models.UndecodedEvent:
        return models.UndecodedEvent(
            position=row.position, event_type=types[row.position], reason=row.reason
        )

    return read.listed(found, lambda row: [row.position], show, newest=newest)


async def quarantine(read: ReadList[Paged]) -> Listed[models.SealedBody]:
    """Bodies that could not be read, by number: how they came, and why not."""
    found = await read.state.quarantine.page(
        read.portal_id,
        after=read.key([0])[0],
        limit=read.fetch,
        received_by=await received_by(read),
    )
    await tell_of_portal(read)
    return read.listed(found, lambda body: [body.number], _sealed)


async def ended_at(read: Read[Any]) -> int:
    """Return the newest position that an answer may know: what was received by its moment."""
    if read.query.as_of is None:
        return read.head
    async with read.state.log.reading() as session:
        return await log.newest_by(session, read.portal_id, upto=read.head, by=read.query.as_of)


async def received_by(read: Read[Any]) -> Instant:
    """Return by when what has no position must have come, for an answer to know it."""
    if read.view is None or read.query.as_of_position is None:
        return read.view.time if read.view else MAX_INSTANT
    async with read.state.log.reading() as session:
        found = await log.events_at(session, read.portal_id, [read.view.position])
    return min([read.view.time, *(event.received_at for event in found)]) if found else 0


@dataclass(frozen=True)
class Appended:
    """What is appended to the log of a portal."""

    state: State
    portal: Portal

    def newest(self) -> int:
        return self.state.head(self.portal)

    async def wait(self, position: int, *, seconds: float) -> None:
        await self.state.wait_for_head(self.portal, position, seconds=seconds)

    async def read(self, after: int, upto: int) -> list[Item]:
        async with self.state.log.reading() as session:
            found = await log.page(session, self.portal.id, after=after, limit=upto - after)
        return [Item(event.position, event, len(event.payload)) for event in found]


def _shown(_query: Followable, event: Event) -> models.Event:
    return _readable(event)


def _readable(event: Event) -> models.Event:
    return shapes.log_event(event, readable=True)


def _sealed(body: Quarantined) -> models.SealedBody:
    return models.SealedBody(
        number=body.number,
        received_at=spelled(body.received_at),
        source=body.source,
        receiver=body.receiver,
        reason=body.reason,
        size=body.size,
    )


_SCOPES = ("events:read",)

ENDPOINTS = (
    Followed(
        "/v1/portals/{portal}/events",
        _SCOPES,
        Followable,
        Listed[models.Event],
        "The log, ascending: headers and redacted payloads",
        page,
        Appended,
        _shown,
    ),
    Endpoint(
        "/v1/portals/{portal}/events/{position}",
        _SCOPES,
        PortalQuery,
        One[models.Event],
        "One event of the log",
        one,
    ),
    Endpoint(
        "/v1/portals/{portal}/undecoded",
        _SCOPES,
        Paged,
        Listed[models.UndecodedEvent],
        "Events that no decoder could read, and why",
        undecoded_events,
    ),
    Endpoint(
        "/v1/portals/{portal}/quarantine",
        _SCOPES,
        Paged,
        Listed[models.SealedBody],
        "Bodies that could not be read, and why",
        quarantine,
    ),
)
