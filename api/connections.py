"""The queues of a portal that are fetched, and how they are. No secret is among it."""

from api import models
from api.endpoint import Endpoint
from api.models import Listed
from api.problems import Problem
from api.queries import Paged
from api.read import ReadList
from api.times import now, shown
from eventstore.event import Instant
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.queues import QueueRow, Queues


async def page(read: ReadList[Paged]) -> Listed[models.Connection]:
    """The connections of a portal, by number, as they are now: what they were is not kept."""
    for name in ("as_of", "as_of_position"):
        if getattr(read.query, name) is not None:
            detail = "How a queue was is not kept: `coverage` tells what it had seen."
            raise Problem("invalid_parameter", detail, parameter=name)
    (after,) = read.key([0])
    found = await Connections(read.state.catalog).of(read.portal_id)
    rows = await Queues(read.state.catalog).of(read.portal_id)
    known = [each for each in found if each.number > after and each.number in rows]
    moment = now()
    return read.listed(
        known[: read.fetch],
        lambda each: [each.number],
        lambda each: _shown(each, rows[each.number], moment),
    )


def _shown(connection: Connection, row: QueueRow, moment: Instant) -> models.Connection:
    return models.Connection(
        number=connection.number,
        receiver=connection.receiver,
        user_receiver=connection.user_receiver,
        domain=connection.domain,
        state=row.state,
        state_since_at=shown(row.state_since_at),
        error=row.error,
        last_attempt_at=shown(row.tried_at),
        last_success_at=shown(row.succeeded_at),
        failing_since_at=shown(row.failing_since_at),
        fetched=row.fetched,
        sees=row.sees,
        watched_since=shown(row.since),
        watched_until=shown(row.until),
        seconds_left=row.seconds_left(moment),
    )


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/connections",
        ("events:read", "messages:read"),
        Paged,
        Listed[models.Connection],
        "The queues that are fetched, and how they are now",
        page,
    ),
)
