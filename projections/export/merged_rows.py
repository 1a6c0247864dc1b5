"""The rows of a whole export and its increments, made one by DuckDB: by table, and by month.

DuckDB holds a bounded part of them in memory, and the rest in files of its own.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

import duckdb
import pyarrow as pa

from projections.export.chain import Link
from projections.export.readers import Reader, sql_type
from projections.export.tables import ExportTable, table_for

_BATCH: Final = 10_000
"""Rows that come from DuckDB at once."""


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
        self._files = [_files(link, of) for link in chain]
        self._learn_newest()

    def __iter__(self) -> Iterator[str]:
        """Give the months of which there may be rows, in order."""
        return iter(sorted({month for files in self._files for month in files}))

    async def rows(self, month: str) -> AsyncIterator[pa.Table]:
        """Give the rows of a month in their order, as they are to be written again."""
        among = [number for number, files in enumerate(self._files) if month in files]
        shown = ", ".join(f'"{name}"' for name, _ in self._reader.cells(self._of))
        places = ", ".join(f'"by_{name}"' for name in self._of.order)
        rows = " UNION ALL ".join(
            f"SELECT {shown}, {places} FROM ({self._rows(number)}) AS row"
            f" WHERE {self._stands(number)}"
            for number in among
        )
        order = ", ".join(f'"by_{name}" NULLS LAST' for name in self._of.order)
        found = self._session.sql(
            f"SELECT {shown} FROM ({rows}) ORDER BY {order}",
            params=[self._files[number][month] for number in among],
        )
        for batch in found.to_arrow_reader(_BATCH):
            yield pa.Table.from_batches([batch])

    def _learn_newest(self) -> None:
        """Make a table of the keys that increments name, and of which named each last."""
        columns = {column.name: column for column in self._of.columns}
        typed = ", ".join(f'"by_{key}" {sql_type(columns[key])}' for key in self._of.key)
        keys = ", ".join(f'"by_{key}"' for key in self._of.key)
        self._session.execute(f"CREATE OR REPLACE TABLE named ({typed}, number INTEGER)")
        for number, files in enumerate(self._files):
            if number and files:
                self._session.execute(
                    f"INSERT INTO named SELECT {keys}, {number} FROM ({self._rows(number)})",
                    [[path for paths in files.values() for path in paths]],
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

    def _stands(self, number: int) -> str:
        """Spell the condition that a row is there, and that no later export says otherwise."""
        same = " AND ".join(f'newest."by_{key}" = row."by_{key}"' for key in self._of.key)
        if number == 0:
            return f"NOT EXISTS (SELECT 1 FROM newest WHERE {same})"
        last = f"EXISTS (SELECT 1 FROM newest WHERE {same} AND newest.number = {number})"
        return f"row.by_op = 'upsert' AND {last}"


def _files(link: Link, of: ExportTable) -> dict[str, list[str]]:
    """Return the files of a table of one export that have rows, by month."""
    found: dict[str, list[str]] = {}
    for part in link.complete.parts:
        if part.table == of.name and part.rows:
            month = PurePosixPath(part.path).parent.name.removeprefix("month=")
            found.setdefault(month, []).append(str(link.folder / part.path))
    return found
