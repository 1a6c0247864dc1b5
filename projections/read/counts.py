"""Reading counts: how much is known of a portal."""

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, Table, bindparam, func, select

from eventstore.database import Session
from projections.messages import message
from projections.profiles import chat, user_profile
from projections.tables import undecoded


def _of(table: Table, *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return (
        select(func.count())
        .select_from(table)
        .where(table.c.portal_id == bindparam("portal_id"), *conditions)
        .scalar_subquery()
    )


UNDECODED: Final = _of(undecoded, undecoded.c.position <= bindparam("upto"))
_COUNTS: Final = select(_of(message), _of(chat), _of(user_profile), UNDECODED)


class Counts(NamedTuple):
    """How many rows of each kind a portal has. The fields are the columns, in their order."""

    messages: int
    chats: int
    users: int
    undecoded: int


async def counts(session: Session, portal_id: int, upto: int) -> Counts:
    """Count what is known of a portal, and what could not be decoded of its events up to one."""
    return Counts._make((await session.rows(_COUNTS, portal_id=portal_id, upto=upto))[0])
