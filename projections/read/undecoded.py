"""Reading what could not be decoded, and why."""

from typing import Final

from sqlalchemy import bindparam, select

from eventstore.database import Session
from projections.tables import UndecodedRow, undecoded

_PAGE: Final = (
    select(undecoded)
    .where(
        undecoded.c.portal_id == bindparam("portal_id"),
        undecoded.c.position > bindparam("after"),
        undecoded.c.position <= bindparam("began_at"),
    )
    .order_by(undecoded.c.position)
    .limit(bindparam("limit"))
)


async def page(
    session: Session, portal_id: int, *, after: int, began_at: int, limit: int
) -> list[UndecodedRow]:
    """Return the undecoded events behind position `after`, ascending."""
    rows = await session.rows(
        _PAGE, portal_id=portal_id, after=after, began_at=began_at, limit=limit
    )
    return [UndecodedRow._make(row) for row in rows]
