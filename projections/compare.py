"""Compares two generations of a portal, row by row."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, bindparam, select

from eventstore.database import Row, Session
from projections.tables import DERIVED, checkpoint, metadata

_COMPARED: Final = [
    *(table for table in DERIVED if table is not checkpoint),
    *(table for table in metadata.sorted_tables if table not in DERIVED),
]
"""What events say first: a row that is folded from a wrong fact is wrong for its sake."""

_ROWS: Final = {
    table.name: select(table)
    .where(table.c.portal_id == bindparam("portal_id"))
    .order_by(*table.primary_key.columns)
    for table in _COMPARED
}


class RowDifference(NamedTuple):
    """Where two generations differ: in a column of a row, or in a row that one of them lacks.

    `key` is the row's, without the portal. Without a `column`, the row that is there has True in
    place of a value. The values may hold what people wrote: nothing for a log.
    """

    table: str
    key: tuple[Any, ...]
    column: str | None
    stored: Any
    derived: Any


async def compare(
    stored: Session, derived: Session, portal_id: int
) -> AsyncGenerator[RowDifference]:
    """Compare all rows of a portal in two generations, table by table, in their keys' order."""
    for table in _COMPARED:
        lefts, rights = _rows(stored, table, portal_id), _rows(derived, table, portal_id)
        async with aclosing(lefts), aclosing(rights):
            async for difference in _of_table(table, lefts, rights):
                yield difference


async def _of_table(
    table: Table, lefts: AsyncIterator[Row], rights: AsyncIterator[Row]
) -> AsyncIterator[RowDifference]:
    width = len(table.primary_key)
    left, right = await anext(lefts, None), await anext(rights, None)
    while left or right:
        if left == right:
            left, right = await anext(lefts, None), await anext(rights, None)
        elif right is None or (left is not None and left[:width] < right[:width]):
            assert left is not None  # noqa: S101 - one of the two is there
            yield RowDifference(table.name, left[1:width], None, stored=True, derived=None)
            left = await anext(lefts, None)
        elif left is None or right[:width] < left[:width]:
            yield RowDifference(table.name, right[1:width], None, stored=None, derived=True)
            right = await anext(rights, None)
        else:
            for column, one, other in zip(table.columns, left, right, strict=True):
                if one != other:
                    yield RowDifference(table.name, left[1:width], column.name, one, other)
            left, right = await anext(lefts, None), await anext(rights, None)


async def _rows(session: Session, table: Table, portal_id: int) -> AsyncGenerator[Row]:
    async with aclosing(session.stream(_ROWS[table.name], portal_id=portal_id)) as stream:
        async for rows in stream:
            for row in rows:
                yield tuple(row)  # the drivers' own rows do not compare with each other
