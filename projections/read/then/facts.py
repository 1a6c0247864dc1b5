"""Which facts, and which messages, a view knows."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, exists, select

from eventstore.database import Session, one_of, unindexed
from projections.facts import Fact
from projections.messages import message
from projections.tables import fact
from projections.view import View

KNOWN: Final[tuple[ColumnElement[bool], ...]] = (
    fact.c.position <= bindparam("view_position"),
    fact.c.occurred_at <= bindparam("view_time"),
)
"""The facts of a view."""

KNOWN_OF_KEYS: Final[tuple[ColumnElement[bool], ...]] = (
    unindexed(fact.c.position) <= bindparam("view_position"),
    fact.c.occurred_at <= bindparam("view_time"),
)
"""The same among facts of some keys: SQLite would rather walk through all of the view."""

_OF_MESSAGES: Final = (
    select(fact)
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        one_of(fact.c.message_id, "message_ids"),
        *KNOWN_OF_KEYS,
    )
    .order_by(fact.c.message_id)
)

TOLD_OF: Final[tuple[ColumnElement[bool], ...]] = (
    message.c.first_position <= bindparam("view_position"),
    message.c.first_at <= bindparam("view_time"),
)
"""The messages that a view may know: all it does, and seldom one of which it knows nothing."""

KNOWN_OF: Final[ColumnElement[Any]] = exists(
    select(fact.c.position).where(
        fact.c.portal_id == message.c.portal_id, fact.c.message_id == message.c.message_id, *KNOWN
    )
)
"""The messages that a view knows, no more and no less."""


async def facts_of_messages(
    session: Session, portal_id: int, view: View, message_ids: Collection[int]
) -> dict[int, list[Fact]]:
    """Return the facts of a view by the message that they name; none where it knows none."""
    rows = await session.rows(
        _OF_MESSAGES, portal_id=portal_id, message_ids=sorted(message_ids), **view.bounds
    )
    found: defaultdict[int, list[Fact]] = defaultdict(list)
    for row in rows:
        known = Fact._make(row)
        found[known.message_id or 0].append(known)
    return found
