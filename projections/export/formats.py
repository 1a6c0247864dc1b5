"""The formats of an export: Parquet, CSV and JSONL. The same rows give the same bytes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from pydantic_core import to_json

from projections.export.runs import ROW_GROUP
from projections.export.tables import ExportTable
from projections.export.wanted import Wanted

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FORMULA: Final = pa.array([*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"])
"""With what a cell begins that a spreadsheet may take for a formula, in wide letters too."""

_AT_ONCE: Final = 5_000
"""Rows that are Python's at once: there they take ten times as much memory."""

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


Write = Callable[[Any, ExportTable, pa.Table, Wanted], None]
"""Writes the rows of one file to a file object."""


def _parquet(file: Any, _of: ExportTable, table: pa.Table, _how: Wanted) -> None:
    pyarrow.parquet.write_table(
        table, file, compression="zstd", row_group_size=ROW_GROUP, write_page_index=True
    )


def _csv(file: Any, _of: ExportTable, table: pa.Table, how: Wanted) -> None:
    """Write CSV as RFC 4180 has it: null is nothing, an empty text is two quotation marks.

    With the guard, a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    columns = [_cells(column, how) for column in table.columns]
    if how.byte_order_mark:
        file.write(BYTE_ORDER_MARK)
    pyarrow.csv.write_csv(
        pa.table(columns, names=table.column_names),
        file,
        pyarrow.csv.WriteOptions(eol="\r\n", quoting_style="needed", quoting_header="needed"),
    )


def _cells(column: pa.ChunkedArray, how: Wanted) -> pa.ChunkedArray | pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, format=_TIME)
    if pa.types.is_nested(kind):
        return pa.chunked_array(map(_spelled, _parts(column)), pa.string())
    if pa.types.is_string(kind) and how.formula_guard:
        return _guarded(column)
    return column


def _parts(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    for chunk in column.chunks:
        for begin in range(0, len(chunk), _AT_ONCE):
            yield chunk.slice(begin, _AT_ONCE)


def _spelled(nested: pa.Array) -> pa.Array:
    """Spell lists and structs as JSON, which begins with a bracket: it is never a formula."""
    values = nested.to_pylist()
    return pa.array(
        [None if each is None else to_json(each).decode() for each in values], pa.string()
    )


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    first = pc.utf8_slice_codeunits(column, 0, 1)
    formula = pc.is_in(first, value_set=_FORMULA)
    if not pc.any(formula).as_py():
        return column
    return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)


def _jsonl(file: Any, of: ExportTable, table: pa.Table, _how: Wanted) -> None:
    """Write a record a line, which says of which table it is. Ids are numbers, times RFC 3339."""
    columns = [
        pc.strftime(column, format=_TIME) if pa.types.is_timestamp(column.type) else column
        for column in table.columns
    ]
    spelled = pa.table(columns, names=table.column_names)
    for some in spelled.to_batches(max_chunksize=_AT_ONCE):
        for row in some.to_pylist():
            file.write(to_json({"table": of.name, **row}) + b"\n")


class Format(NamedTuple):
    """A format: how its files end, and what writes one."""

    ending: str
    write: Write


FORMATS: Final[Mapping[str, Format]] = {
    "parquet": Format("parquet", _parquet),
    "csv": Format("csv", _csv),
    "jsonl": Format("jsonl", _jsonl),
}
"""Every format of tables, by its name."""
