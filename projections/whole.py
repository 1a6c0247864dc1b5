"""Whether a generation that was just made is whole, before anybody reads it."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Select, Table, bindparam, exists, func, select

from eventstore.database import Place, Session
from projections.errors import IncompleteGeneration
from projections.messages import message
from projections.profiles import chat, user_profile
from projections.project import checkpoint_of
from projections.tables import fact, span
from projections.watch import watch


def _missing(named: Table, key: str, table: Table, column: str, subject: str | None) -> Select[int]:
    """Count what is known of something that has no row."""
    portal = named.c.portal_id == bindparam("portal_id")
    there = exists().where(table.c.portal_id == named.c.portal_id, table.c[column] == named.c[key])
    counted = select(func.count()).select_from(named).where(portal, ~there)
    if subject is None:
        return counted.where(named.c[key].is_not(None))
    return counted.where(named.c.subject == subject)


_MISSING: Final = {
    "message": _missing(fact, "message_id", message, "message_id", None),
    "chat": _missing(span, "subject_id", chat, "chat_id", "chat"),
    "user": _missing(span, "subject_id", user_profile, "user_id", "user"),
    "queue": _missing(span, "subject_id", watch, "receiver_id", "queue"),
}
_BEYOND: Final = select(func.count()).where(
    fact.c.portal_id == bindparam("portal_id"), fact.c.position > bindparam("position")
)


async def check_whole(generation: Place, upto: Mapping[int, int]) -> None:
    """Check that all was taken in up to these positions, and that all that is named has a row.

    Raises IncompleteGeneration: a defect of ours, which must not be read.
    """
    # As who made it: a reader's statement is given up after a while, and these look at all rows.
    session = await generation.open_writer(rebuildable=True)
    try:
        for portal_id, position in upto.items():
            await _check(session, portal_id, position)
    finally:
        await session.close()


async def _check(session: Session, portal_id: int, position: int) -> None:
    reached = await checkpoint_of(session, portal_id)
    if reached < position:
        raise IncompleteGeneration(f"portal {portal_id} is at {reached}, not at {position}")
    ((beyond,),) = await session.rows(_BEYOND, portal_id=portal_id, position=reached)
    if beyond:
        raise IncompleteGeneration(f"{beyond:,} facts are behind position {reached}")
    for name, statement in _MISSING.items():
        ((missing,),) = await session.rows(statement, portal_id=portal_id)
        if missing:
            raise IncompleteGeneration(f"{missing:,} facts are of a {name} that has no row")
