"""Reading provenance: at which positions the log tells of a message."""

from typing import Final

from sqlalchemy import bindparam, select

from eventstore.database import Session
from projections.tables import fact

_POSITIONS: Final = (
    select(fact.c.position)
    .distinct()
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        fact.c.message_id == bindparam("message_id"),
        fact.c.position > bindparam("after"),
        fact.c.position <= bindparam("began_at"),
    )
    .order_by(fact.c.position)
    .limit(bindparam("limit"))
)


async def positions(  # noqa: PLR0913 - a place among a message's events
    session: Session, portal_id: int, message_id: int, *, after: int, began_at: int, limit: int
) -> list[int]:
    """Return the positions behind `after` of the events that name a message, ascending."""
    rows = await session.rows(
        _POSITIONS,
        portal_id=portal_id,
        message_id=message_id,
        after=after,
        began_at=began_at,
        limit=limit,
    )
    return [position for (position,) in rows]
