"""Reading provenance: at which positions the log tells of a message."""

from typing import Final

from sqlalchemy import bindparam, select

from eventstore.database import Session
from projections.read.then.facts import KNOWN
from projections.tables import fact
from projections.view import View

_POSITIONS: Final = (
    select(fact.c.position)
    .distinct()
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        fact.c.message_id == bindparam("message_id"),
        fact.c.position > bindparam("after"),
        *KNOWN,
    )
    .order_by(fact.c.position)
    .limit(bindparam("limit"))
)


async def positions(  # noqa: PLR0913 - a place among a message's events
    session: Session, portal_id: int, message_id: int, *, after: int, view: View, limit: int
) -> list[int]:
    """Return the positions behind `after` of a view's events that name a message, ascending."""
    rows = await session.rows(
        _POSITIONS,
        portal_id=portal_id,
        message_id=message_id,
        after=after,
        limit=limit,
        **view.bounds,
    )
    return [position for (position,) in rows]
