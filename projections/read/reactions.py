"""Reading reactions: who held which on a message, from when until when."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, select, tuple_

from eventstore.database import Session
from projections.reactions import ReactionRow, reaction

_ORDER: Final = (reaction.c.user_id, reaction.c.code, reaction.c.ordinal)
_INTERVALS: Final[Select[Any]] = (
    select(reaction)
    .where(
        reaction.c.portal_id == bindparam("portal_id"),
        reaction.c.message_id == bindparam("message_id"),
        tuple_(*_ORDER) > tuple_(bindparam("user_id"), bindparam("code"), bindparam("ordinal")),
    )
    .order_by(*_ORDER)
    .limit(bindparam("limit"))
)
_HELD: Final = _INTERVALS.where(reaction.c.until_basis.is_(None))


class ReactionKey(NamedTuple):
    """The place of an interval among those of its message."""

    user_id: int
    code: str
    ordinal: int


FIRST: Final = ReactionKey(-1, "", 0)
"""Before every interval."""


async def intervals(  # noqa: PLR0913 - a place among a message's reactions
    session: Session, portal_id: int, message_id: int, *, held: bool, key: ReactionKey, limit: int
) -> list[ReactionRow]:
    """Return intervals behind `key`, by user, code and time; only the open ones if `held`."""
    rows = await session.rows(
        _HELD if held else _INTERVALS,
        portal_id=portal_id,
        message_id=message_id,
        limit=limit,
        **key._asdict(),
    )
    return [ReactionRow._make(row) for row in rows]
