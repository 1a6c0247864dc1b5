"""The access log, for who may audit: who read what, when, by which route."""

from typing import cast

from pydantic_core import from_json

from api import models
from api.access_log import Kind
from api.endpoint import Endpoint
from api.events import received_by
from api.models import Listed
from api.queries import AccessQuery
from api.read import ReadList
from api.times import spelled
from eventstore import access_log, log
from eventstore.event import Event


async def page(read: ReadList[AccessQuery]) -> Listed[models.AccessEntry]:
    """Who looked, ascending: up to the moment that the walk began, for it is recorded too."""
    async with read.state.access_entries.reading() as session:
        newest = await log.newest(session, read.portal_id)
        if read.view is not None:
            by = await received_by(read)
            newest = await log.newest_by(session, read.portal_id, upto=newest, by=by)
        began_at = read.began_at(newest)
        found = await access_log.entries(
            session,
            read.portal_id,
            read.query.filters(),
            after=read.key([read.query.after or 0])[0],
            upto=began_at,
            limit=read.fetch,
        )
    return read.listed(found, lambda entry: [entry.position], shown, newest=began_at)


def shown(entry: Event) -> models.AccessEntry:
    """Show an entry of the access log."""
    said = from_json(entry.payload)
    return models.AccessEntry(
        position=entry.position,
        at=spelled(entry.received_at),
        kind=cast(Kind, entry.event_type.lower()),
        token=entry.receiver.removeprefix("token:"),
        route=said["route"],
        ids=said["ids"],
        filters=said["filters"],
        answered_position=said["answered_position"],
        count=said["count"],
        status=said["status"],
        request_id=entry.key.partition(":")[0],
        caller_request_id=said["caller_request_id"],
    )


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/access",
        ("audit",),
        AccessQuery,
        Listed[models.AccessEntry],
        "The access log, ascending: who read what, and when",
        page,
    ),
)
