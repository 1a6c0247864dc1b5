"""Runs of rows: as many as one file of an export has, and fit into memory at once."""

from collections.abc import AsyncIterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

ROW_GROUP: Final = 100_000
"""Rows of a Parquet file whose statistics are kept together, and most rows of a file."""

TEXTS: Final = 32 << 20
"""Bytes of texts with which a file is large enough, however few rows those are."""


async def in_runs(
    tables: AsyncIterator[pa.Table], *, most: int = ROW_GROUP, enough: int = TEXTS
) -> AsyncIterator[pa.Table]:
    """Give the same rows as runs of at most so many, or with which there are enough texts.

    Where a run ends depends on the rows alone, not on the tables that they come in.
    """
    held: list[pa.Table] = []
    rows = texts = 0
    async for table in tables:
        held.append(table)
        rows += table.num_rows
        texts += _sum(_sizes(table))
        while rows > most or texts > enough:
            whole = pa.concat_tables(held)
            within = pc.less_equal(pc.cumulative_sum(_sizes(whole)), enough)
            end = min(_sum(within) + 1, most)
            rest = whole.slice(end).combine_chunks()  # else it would keep all of it in memory
            held, rows, texts = [whole.slice(0, end)], rest.num_rows, _sum(_sizes(rest))
            del whole
            yield held.pop()  # and keep nothing of it
            held.append(rest)
    if rows:
        held = [pa.concat_tables(held)]
        yield held.pop()


def _sizes(table: pa.Table) -> pa.ChunkedArray:
    """Return how many bytes of texts each row has."""
    sizes = pa.chunked_array([pa.repeat(pa.scalar(0, pa.int64()), table.num_rows)])
    for column in table.columns:
        if pa.types.is_string(column.type):
            sizes = pc.add(sizes, pc.cast(pc.fill_null(pc.binary_length(column), 0), pa.int64()))
    return sizes


def _sum(values: pa.ChunkedArray) -> int:
    return int(pc.sum(values).as_py() or 0)
