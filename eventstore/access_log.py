"""Reading the access log: who looked, ascending, of one token or one window if asked."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, select

from eventstore.database import Session
from eventstore.event import Event
from eventstore.schema import event

_FILTERS: Final[Mapping[str, ColumnElement[bool]]] = {
    "token": event.c.receiver == bindparam("token"),
    "from": event.c.received_at >= bindparam("from"),
    "to": event.c.received_at < bindparam("to"),
}


def receiver_of(token_id: str) -> str:
    """Name a token as the access log does."""
    return f"token:{token_id}"


async def entries(  # noqa: PLR0913 - a place in a log
    session: Session,
    portal_id: int,
    filters: Mapping[str, Any],
    *,
    after: int,
    upto: int,
    limit: int,
) -> list[Event]:
    """Return the entries behind one position up to another, ascending, at most `limit`.

    `filters` may have `token`, and `from` and `to`: a half-open window of the recording.
    """
    given = dict(filters)
    if "token" in given:
        given["token"] = receiver_of(given["token"])
    rows = await session.rows(
        _entries(frozenset(given)),
        portal_id=portal_id,
        after=after,
        upto=upto,
        limit=limit,
        **given,
    )
    return [Event._make(row) for row in rows]


@lru_cache(maxsize=1 << len(_FILTERS))
def _entries(names: frozenset[str]) -> Select[Any]:
    return (
        select(event)
        .where(
            event.c.portal_id == bindparam("portal_id"),
            event.c.position > bindparam("after"),
            event.c.position <= bindparam("upto"),
            *(_FILTERS[name] for name in sorted(names)),
        )
        .order_by(event.c.position)
        .limit(bindparam("limit"))
    )
