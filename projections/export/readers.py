"""How DuckDB reads the files of an export, so that each row can be written again as it is."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa

from projections.export.formats import FORMATS, Write
from projections.export.tables import Column, ExportTable
from projections.export.wanted import Wanted

_LONGEST: Final = 1 << 23
"""Bytes of a row as CSV or as JSON, at most."""

_UPSERT: Final = ',"op":"upsert"}'
"""How a record of an increment ends."""

_AT_ONCE: Final = 5_000
"""Lines that are written at once."""


class Reader(NamedTuple):
    """How a format is read, in SQL, and how what was read is written again.

    `files` spells where the rows of a table come from, `cells` the columns that are kept of it and
    what each is; `value` spells that of one column, by which rows are found and put in order.
    """

    files: Callable[[ExportTable], str]
    cells: Callable[[ExportTable], list[tuple[str, str]]]
    value: Callable[[Column], str]
    write: Write


_TYPES: Final[Mapping[pa.DataType, str]] = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.bool_(): "BOOLEAN",
}


def sql_type(column: Column) -> str:
    """Return the type of a column where its cells are read one by one: a number, or a text."""
    return _TYPES.get(column.type, "VARCHAR")


def _column(column: Column) -> str:
    return f'"{column.name}"'


def _parquet_files(_of: ExportTable) -> str:
    return "read_parquet(?, hive_partitioning = false)"


def _parquet_cells(of: ExportTable) -> list[tuple[str, str]]:
    return [(column.name, _column(column)) for column in of.columns]


def _write_parquet(file: Any, of: ExportTable, rows: pa.Table, how: Wanted) -> None:
    FORMATS["parquet"].write(file, of, rows.cast(of.schema), how)


def _csv_files(of: ExportTable) -> str:
    """Every cell is read as the text that it is: null is nothing, and "" an empty text."""
    how = "header = true, delim = ',', quote = '\"', escape = '\"'"
    return _texts(how, [column.name for column in of.columns])


def _texts(how: str, columns: Iterable[str]) -> str:
    named = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
    return (
        f"read_csv(?, {how}, columns = {{{named}}}, auto_detect = false, parallel = false,"
        " nullstr = '', allow_quoted_nulls = false,"
        f" max_line_size = {_LONGEST}, buffer_size = {2 * _LONGEST})"
    )


def _csv_cells(of: ExportTable) -> list[tuple[str, str]]:
    """Numbers and flags stand there without quotation marks, so that they are such again."""
    return [(column.name, _csv_value(column)) for column in of.columns]


def _csv_value(column: Column) -> str:
    return f'"{column.name}"::{sql_type(column)}'


def _jsonl_files(_of: ExportTable) -> str:
    """A line is one cell: no control character is in it. To read it as JSON takes more memory."""
    return _texts("header = false, delim = '\x01', quote = '', escape = ''", ["json"])


def _jsonl_cells(of: ExportTable) -> list[tuple[str, str]]:
    """A record is written again as it is, but for its `op`."""
    line = "json"
    if any(column.name == "op" for column in of.columns):
        line = f"left({line}, length({line}) - {len(_UPSERT)}) || '}}'"
    return [("line", line)]


def _jsonl_value(column: Column) -> str:
    return f"(json->>'$.{column.name}')::{sql_type(column)}"


def _write_lines(file: Any, _of: ExportTable, rows: pa.Table, _how: Wanted) -> None:
    for batch in rows.to_batches(max_chunksize=_AT_ONCE):
        file.write("".join(f"{line}\n" for line in batch["line"].to_pylist()).encode())


READERS: Final[Mapping[str, Reader]] = {
    "parquet": Reader(_parquet_files, _parquet_cells, _column, _write_parquet),
    "csv": Reader(_csv_files, _csv_cells, _csv_value, FORMATS["csv"].write),
    "jsonl": Reader(_jsonl_files, _jsonl_cells, _jsonl_value, _write_lines),
}
"""Every format that can be merged, by its name."""
