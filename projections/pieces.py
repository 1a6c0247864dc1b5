"""The pieces of a build that can be done apart from each other: read, derive or fold, write.

Where only one process may write, what would be written is handed back to it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import bindparam, func, select

from eventstore import log
from eventstore.database import Place, Row, Session
from projections.derive import Derived, derive
from projections.facts import Fact
from projections.readmodels import MESSAGE, fold_message
from projections.tables import fact
from projections.workers import finished

EVENTS: Final = 2_000
"""Events that are derived, or facts that are folded, about, before they are written: this bounds
the memory."""

_RANGES: Final = 5
"""So many times as much is a piece of who writes by himself: to connect costs like 300 events."""

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


class Range(NamedTuple):
    """Positions, or ids of messages, of a portal: behind `after`, up to `upto`."""

    portal_id: int
    after: int
    upto: int


class Places(NamedTuple):
    """From which log which generation is filled."""

    log: Place
    generation: Place


Piece = tuple[Places, list[Range]]


class Remaining(NamedTuple):
    """What a piece of a log says and is not written yet.

    Plain tuples, as also the rows of messages: to send these to another process, and to give them
    to SQLite's driver, takes half as long as with their names.
    """

    facts: list[Row]
    others: Derived


def derivations(places: Places, portal_id: int, upto: int) -> list[Piece]:
    """Give the pieces by which `derived` takes in a portal's log up to a position."""
    ranges = [
        Range(portal_id, after, min(after + EVENTS, upto)) for after in range(0, upto, EVENTS)
    ]
    return _pieces(places, ranges)


async def foldings(generation: Session, places: Places, portal_id: int) -> list[Piece]:
    """Give the pieces by which `folded` takes in all messages of a portal."""
    rows = await generation.rows(_BOUNDARIES, portal_id=portal_id, facts=EVENTS)
    # All facts of one message are in the same range.
    bounds = [-1, *dict.fromkeys(int(row[0]) for row in rows), 2**63 - 1]
    return _pieces(places, [Range(portal_id, after, upto) for after, upto in pairwise(bounds)])


def _pieces(places: Places, ranges: list[Range]) -> list[Piece]:
    size = _RANGES if places.generation.shared else 1
    return [(places, ranges[begin : begin + size]) for begin in range(0, len(ranges), size)]


def derived(places: Places, ranges: list[Range]) -> Remaining:
    """Derive some events of a log; give what remains to be written."""
    return finished(_derive(places, ranges))


def folded(places: Places, ranges: list[Range]) -> list[list[Row]]:
    """Fold some messages; give the rows that remain to be written, a list a table."""
    return finished(_fold(places, ranges))


async def _derive(places: Places, ranges: list[Range]) -> Remaining:
    remaining = Remaining([], Derived([], [], [], []))
    async with _reading(places.log) as events, _writing(places.generation) as generation:
        for portal_id, after, upto in ranges:
            found = derive(await log.page(events, portal_id, after=after, limit=upto - after))
            facts = [tuple(each) for each in found.facts]
            if generation is None:
                remaining.facts.extend(facts)
            else:
                await generation.insert(fact, facts)
            remaining.others.extend(found._replace(facts=[]))
    return remaining


async def _fold(places: Places, ranges: list[Range]) -> list[list[Row]]:
    rows: list[list[Row]] = [[] for _ in MESSAGE.tables]
    async with _reading(places.generation) as facts, _writing(places.generation) as generation:
        for portal_id, after, upto in ranges:
            found = await facts.rows(_OF_MESSAGES, portal_id=portal_id, after=after, upto=upto)
            for _, of_message in groupby(map(Fact._make, found), itemgetter(4)):
                for of_table, new in zip(rows, fold_message(list(of_message)), strict=True):
                    of_table.extend(map(tuple, new))
            if generation is not None:
                for table, new in zip(MESSAGE.tables, rows, strict=True):
                    await generation.insert(table, new)
                    new.clear()
    return rows


@asynccontextmanager
async def _reading(place: Place) -> AsyncIterator[Session]:
    session = await place.open_reader(alone=True)
    try:
        yield session
    finally:
        await session.close()


@asynccontextmanager
async def _writing(place: Place) -> AsyncIterator[Session | None]:
    """Open a place, if we may; nobody reads it before it is complete."""
    if not place.shared:
        yield None
        return
    session = await place.open_writer(rebuildable=True)
    try:
        yield session
    finally:
        await session.close()
