"""The rows of a whole export and its increments, made one by DuckDB: by table, and by month.

DuckDB holds a bounded part of them in memory, and the rest in files of its own.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from projections.export.chain import Link
from projections.export.readers import Reader, sql_type
from projections.export.tables import ExportTable, table_for

_BATCH: Final = 2_000
"""Rows that come from DuckDB at once."""


class _File(NamedTuple):
    """A file, and the first columns of the lowest and the highest key that are in it."""

    path: str
    lowest: int
    highest: int


class Months:
    """One table of a chain of exports, as of the last of them, month by month."""

    def __init__(
        self,
        session: duckdb.DuckDBPyConnection,
        chain: Sequence[Link],
        of: ExportTable,
        reader: Reader,
    ) -> None:
        self._session = session
        self._of = of
        self._reader = reader
        self._files = [self._parted(number, link) for number, link in enumerate(chain)]
        self._learn_newest()

    def __iter__(self) -> Iterator[str]:
        """Give the months of which there may be rows, in order."""
        return iter(sorted({month for files in self._files for month in files}))

    async def rows(self, month: str) -> AsyncIterator[pa.Table]:
        """Give the rows of a month, by their keys, with what puts them in the order of a file.

        Few are in memory at once: those of a range of keys.
        """
        places = dict.fromkeys((*self._of.order, *self._of.key))
        names = [name for name, _ in self._reader.cells(self._of)]
        columns = ", ".join(f'"{name}"' for name in (*names, *(f"by_{each}" for each in places)))
        keys = ", ".join(f'"by_{name}"' for name in self._of.key)
        files = [of_one.get(month, []) for of_one in self._files]
        for after, upto in pairwise(_bounds(files)):
            here = f'"by_{self._of.key[0]}" > {after} AND "by_{self._of.key[0]}" <= {upto}'
            there = [
                [file.path for file in of_one if file.highest > after and file.lowest <= upto]
                for of_one in files
            ]
            rows = " UNION ALL ".join(
                f"SELECT {columns} FROM ({self._rows(number)}) AS row"
                f" WHERE {here} AND {self._stands(number, here)}"
                for number, paths in enumerate(there)
                if paths
            )
            found = self._session.execute(
                f"SELECT * FROM ({rows}) ORDER BY {keys}",
                [paths for paths in there if paths],
            )
            for batch in found.to_arrow_reader(_BATCH):
                yield pa.Table.from_batches([batch])

    def in_order(self, rows: pa.Table) -> pa.Table:
        """Put some rows in the order of a file, and leave nothing but what is written of them."""
        if self._of.order != self._of.key:
            rows = rows.sort_by([(f"by_{name}", "ascending") for name in self._of.order])
        return rows.select([name for name, _ in self._reader.cells(self._of)])

    def _parted(self, number: int, link: Link) -> dict[str, list[_File]]:
        """Return the files of a table of one export that have rows, by month."""
        parts = [part for part in link.complete.parts if part.table == self._of.name and part.rows]
        found: dict[str, list[_File]] = {}
        for part in parts:
            key, path = f'"by_{self._of.key[0]}"', str(link.folder / part.path)
            ((lowest, highest),) = self._session.execute(
                f"SELECT min({key}), max({key}) FROM ({self._rows(number)})", [[path]]
            ).fetchall()
            month = PurePosixPath(part.path).parent.name.removeprefix("month=")
            found.setdefault(month, []).append(_File(path, lowest, highest))
        return found

    def _learn_newest(self) -> None:
        """Make a table of the keys that increments name, and of which named each last."""
        columns = {column.name: column for column in self._of.columns}
        typed = ", ".join(f'"by_{key}" {sql_type(columns[key])}' for key in self._of.key)
        keys = ", ".join(f'"by_{key}"' for key in self._of.key)
        self._session.execute(f"CREATE OR REPLACE TABLE named ({typed}, number INTEGER)")
        for number, months in enumerate(self._files):
            paths = [file.path for files in months.values() for file in files]
            if number and paths:
                self._session.execute(
                    f"INSERT INTO named SELECT {keys}, {number} FROM ({self._rows(number)})",
                    [paths],
                )
        self._session.execute(
            f"CREATE OR REPLACE TABLE newest AS SELECT {keys}, max(number) AS number FROM named"
            f" GROUP BY {keys}"
        )

    def _rows(self, number: int) -> str:
        """Spell a query of the rows of one export: its files are the parameter."""
        of = table_for(self._of.name, op=number > 0)
        columns = {column.name: column for column in of.columns}
        found = [f'{cell} AS "{name}"' for name, cell in self._reader.cells(of) if name != "op"]
        named = dict.fromkeys((*of.key, *of.order, *(["op"] if number else [])))
        found += [f'{self._reader.value(columns[name])} AS "by_{name}"' for name in named]
        return f"SELECT {', '.join(found)} FROM {self._reader.files(of)}"

    def _stands(self, number: int, here: str) -> str:
        """Spell the condition that a row is there, and that no later export says otherwise."""
        same = " AND ".join(f'newest."by_{key}" = row."by_{key}"' for key in self._of.key)
        named = f"SELECT 1 FROM (SELECT * FROM newest WHERE {here}) AS newest WHERE {same}"
        if number == 0:
            return f"NOT EXISTS ({named})"
        return f"row.by_op = 'upsert' AND EXISTS ({named} AND newest.number = {number})"


def _bounds(files: Sequence[Sequence[_File]]) -> list[int]:
    """Return bounds of keys, behind each up to the next, between which few files have rows.

    Files of one export hardly overlap: the whole one, as far as it reaches, says where to part.
    """
    lowest = min(file.lowest for of_one in files for file in of_one)
    bounds = [lowest - 1]
    for of_one in files:
        highest = sorted({file.highest for file in of_one})
        bounds += [each for each in highest if each > bounds[-1]]
    return bounds
