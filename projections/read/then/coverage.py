"""Coverage as of a moment: how queues had been watched, as far as it was told by a position.

A moment bounds what an answer shows, not what tells how well it was seen: a hole that was told of
later lay there already, and who is seen in a chat later was there before. So a view's position
counts alone, and its time is where the window of the question ends.
"""

from typing import Final

from sqlalchemy import bindparam, func, select

from eventstore.database import Session
from eventstore.event import Instant
from projections.coverage import Evidence, Watched
from projections.read import coverage
from projections.read.then.spans import BEGUN, CUT, INSIDE, as_of, by_subject, contents_of
from projections.spans import Span
from projections.tables import span
from projections.view import View
from projections.watch import watch_rows

_WHOLE: Final = (
    select(
        span.c.portal_id,
        span.c.subject,
        span.c.subject_id,
        span.c.user_id,
        span.c.profile,
        func.max(span.c.day),
        func.min(span.c.first_at),
        func.max(span.c.last_at),
        func.min(span.c.first_position),
        func.max(span.c.last_position),
    )
    .where(*BEGUN, span.c.subject == bindparam("subject"), *INSIDE)
    .group_by(span.c.portal_id, span.c.subject, span.c.subject_id, span.c.user_id, span.c.profile)
)


async def watches(session: Session, portal_id: int, view: View) -> list[Watched]:
    """Return how the queues of a portal had been watched, as it was known at a position."""
    known = View(view.position)
    values = {"portal_id": portal_id, "subject": "queue", **known.bounds}
    spans = [Span._make(row) for row in await session.rows(_WHOLE, **values)]
    cut = [Span._make(row) for row in await session.rows(CUT, **values)]
    spans += await as_of(session, known, cut)
    contents = await contents_of(session, portal_id, spans)
    return [
        Watched(row.receiver, row.since, row.until, row.sees, row.hole_from, row.cause)
        for of_number in by_subject(spans).values()
        for row in watch_rows(of_number, contents)
    ]


async def evidence(
    session: Session, portal_id: int, chat_id: int, view: View, *, since: Instant
) -> Evidence:
    """Return all that had been told of how a chat was seen, as it was known at a position.

    But for the type of the chat: that is as it is now.
    """
    found = await coverage.evidence(session, portal_id, chat_id, view.position, since=since)
    watched = [each for each in await watches(session, portal_id, view) if each.until >= since]
    sightings = {*found.sightings}
    for each in set(watched).difference(found.watched):  # they have been told of again since
        sightings.update(
            await coverage.last_before(session, portal_id, chat_id, each, view.position)
        )
    return found._replace(watched=watched, sightings=sightings)
