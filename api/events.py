"""The log as it is: events, what could not be decoded, what could not even be read."""

from api import models, shapes
from api.endpoint import Endpoint, Read, ReadList, no_such
from api.models import Listed, One
from api.queries import EventsQuery, Paged, PortalQuery
from api.times import spelled
from eventstore import log
from eventstore.event import Event
from eventstore.quarantine import Quarantined
from projections.read import undecoded
from projections.tables import UndecodedRow


async def page(read: ReadList[EventsQuery]) -> Listed[models.Event]:
    """The log, ascending: also what is not yet projected."""
    newest = read.head
    began_at = read.began_at(newest)
    after = read.key([read.query.after or 0])[0]
    async with read.state.log.reading() as session:
        limit = min(read.fetch, max(began_at - after, 0))
        found = await log.page(session, read.portal_id, after=after, limit=limit)
    return read.listed(found, lambda event: [event.position], _readable, newest=newest)


async def one(read: Read[PortalQuery]) -> One[models.Event]:
    """One event of the log."""
    async with read.state.log.reading() as session:
        found = await log.events_at(session, read.portal_id, [read.ids["position"]])
    if not found:
        raise no_such("event")
    return read.one(_readable(found[0]))


async def undecoded_events(read: ReadList[Paged]) -> Listed[models.UndecodedEvent]:
    """Events that no decoder could read, ascending, each with the reason."""
    found = await undecoded.page(
        read.session,
        read.portal_id,
        after=read.key([0])[0],
        began_at=read.began_at(),
        limit=read.fetch,
    )
    async with read.state.log.reading() as session:
        events = await log.events_at(session, read.portal_id, [row.position for row in found])
    types = {event.position: event.event_type for event in events}

    def show(row: UndecodedRow) -> models.UndecodedEvent:
        return models.UndecodedEvent(
            position=row.position, event_type=types[row.position], reason=row.reason
        )

    return read.listed(found, lambda row: [row.position], show)


async def quarantine(read: ReadList[Paged]) -> Listed[models.SealedBody]:
    """Bodies that could not be read, by number: how they came, and why not."""
    found = await read.state.quarantine.page(
        read.portal_id, after=read.key([0])[0], limit=read.fetch
    )
    return read.listed(found, lambda body: [body.number], _sealed)


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
    Endpoint(
        "/v1/portals/{portal}/events",
        _SCOPES,
        EventsQuery,
        Listed[models.Event],
        "The log, ascending: headers and redacted payloads",
        page,
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
