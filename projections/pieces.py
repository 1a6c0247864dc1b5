"""The pieces of a build that can be done apart from each other: read, derive or fold, hand back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

from sqlalchemy import bindparam, func, select

from eventstore import log
from eventstore.database import Place, Row, Session
from eventstore.event import Event
from projections.derive import Derived, derive
from projections.facts import Fact
from projections.readmodels import fold_message
from projections.tables import fact

EVENTS: Final = 2_000
"""Events that are derived as one piece."""

FACTS: Final = 2_000
"""Facts, about, that are folded as one piece; all facts of one message are in the same."""

_NUMBERED = (
    select(
        fact.c.message_id,
        func.row_number().over(order_by=fact.c.message_id).label("number"),
    )
    .where(fact.c.portal_id == bindparam("portal_id"), fact.c.message_id.is_not(None))
    .subquery()
)
_BOUNDARIES = (
    select(_NUMBERED.c.message_id)
    .where(_NUMBERED.c.number % bindparam("facts") == 0)
    .order_by(_NUMBERED.c.message_id)
)
_OF_MESSAGES = (
    select(fact)
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        fact.c.message_id > bindparam("after"),
        fact.c.message_id <= bindparam("upto"),
    )
    .order_by(fact.c.message_id)
)


def derivations(place: Place, portal_id: int, upto: int) -> Iterator[tuple[Place, int, int, int]]:
    """Give the pieces by which `derived` takes in a portal's log up to a position."""
    for after in range(0, upto, EVENTS):
        yield place, portal_id, after, min(EVENTS, upto - after)


def derived(place: Place, portal_id: int, after: int, limit: int) -> Derived:
    """Derive some events of a log."""

    async def read() -> list[Event]:
        async with _reading(place) as session:
            return await log.page(session, portal_id, after=after, limit=limit)

    # A list, since `asyncio.run` spells out whatever else it returns, all of it, to put the
    # handler of Ctrl-C back: that took a sixth of the time.
    return derive(asyncio.run(read()))


async def foldings(
    generation: Session, place: Place, portal_id: int
) -> list[tuple[Place, int, int, int]]:
    """Give the pieces by which `folded` takes in all messages of a portal."""
    rows = await generation.rows(_BOUNDARIES, portal_id=portal_id, facts=FACTS)
    bounds = [-1, *dict.fromkeys(int(row[0]) for row in rows), 2**63 - 1]
    return [(place, portal_id, after, upto) for after, upto in pairwise(bounds)]


def folded(place: Place, portal_id: int, after: int, upto: int) -> list[list[Row]]:
    """Fold the messages with ids behind `after` up to `upto`; give the rows, a list a table."""

    async def read() -> list[Row]:
        async with _reading(place) as session:
            return await session.rows(_OF_MESSAGES, portal_id=portal_id, after=after, upto=upto)

    by_message = groupby(map(Fact._make, asyncio.run(read())), itemgetter(4))
    of_messages = [fold_message(list(facts)) for _, facts in by_message]
    return [
        [row for rows in of_table for row in rows] for of_table in zip(*of_messages, strict=True)
    ]


@asynccontextmanager
async def _reading(place: Place) -> AsyncIterator[Session]:
    session = await place.open_reader()
    try:
        yield session
    finally:
        await session.close()
