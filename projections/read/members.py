"""Reading members: who is, or was, in a chat."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, select, tuple_

from eventstore.database import Session
from projections.members import MemberRow, membership

_ORDER: Final = (membership.c.user_id, membership.c.ordinal)
_INTERVALS: Final[Select[Any]] = (
    select(membership)
    .where(
        membership.c.portal_id == bindparam("portal_id"),
        membership.c.chat_id == bindparam("chat_id"),
        tuple_(*_ORDER) > tuple_(bindparam("user_id"), bindparam("ordinal")),
    )
    .order_by(*_ORDER)
    .limit(bindparam("limit"))
)
_CURRENT: Final = _INTERVALS.where(membership.c.left_basis.is_(None))


class MemberKey(NamedTuple):
    """The place of an interval among those of its chat."""

    user_id: int
    ordinal: int


FIRST: Final = MemberKey(-1, 0)
"""Before every interval."""


async def intervals(  # noqa: PLR0913 - a place among a chat's members
    session: Session, portal_id: int, chat_id: int, *, current: bool, key: MemberKey, limit: int
) -> list[MemberRow]:
    """Return intervals behind `key`, by user and time.

    Only the open ones if `current`: a user has one at most.
    """
    rows = await session.rows(
        _CURRENT if current else _INTERVALS,
        portal_id=portal_id,
        chat_id=chat_id,
        limit=limit,
        **key._asdict(),
    )
    return [MemberRow._make(row) for row in rows]
