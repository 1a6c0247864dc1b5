"""The rows of an export as whoever asks is shown them: what they want of them, and may see."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from projections.export.named import named_by
from projections.export.rows import Rows, Sources, rows_of
from projections.export.selection import Piece, chosen
from projections.export.tables import TABLES, ExportTable
from projections.export.wanted import Wanted
from projections.export.withheld import withheld
from projections.view import View


async def shown_rows(
    sources: Sources, piece: Piece, wanted: Wanted, view: View
) -> AsyncIterator[Rows]:
    """Give the rows of a piece that are shown. Call it inside a moment of both sessions.

    Raises StoreUnavailable.
    """
    table = TABLES[piece.table]
    named = await names_of(sources, piece, wanted, view)
    async for rows in rows_of(sources, piece, view):
        yield [*shown(wanted, table, rows, named)]


async def names_of(
    sources: Sources, piece: Piece, wanted: Wanted, view: View
) -> frozenset[int] | None:
    """Return what the chats that are wanted name of a piece, None where that narrows nothing."""
    if wanted.chats is None:
        return None
    return await named_by(sources, wanted.chats, piece, view)


def shown(
    wanted: Wanted,
    of: ExportTable,
    rows: Sequence[tuple[Any, ...]],
    named: Collection[int] | None,
) -> Sequence[tuple[Any, ...]]:
    """Return what is shown of some rows of a table."""
    found = chosen(wanted, of, rows, named)
    return withheld(of, found) if wanted.withhold else found
