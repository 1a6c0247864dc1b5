"""The formats of an export: Parquet, CSV and JSONL. The same rows give the same bytes."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from pydantic_core import to_json

from projections.export.tables import ExportTable
from projections.export.wanted import Wanted

ROW_GROUP: Final = 100_000
"""Rows of a Parquet file whose statistics are kept together."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_FORMULA: Final = r"^[=+\-@\t\r]"
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
        spelled = [None if each is None else to_json(each).decode() for each in column.to_pylist()]
        return pa.array(spelled, pa.string())  # begins with a bracket: never a formula
    if pa.types.is_string(kind) and how.formula_guard:
        formula = pc.match_substring_regex(column, _FORMULA)
        return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)
    return column


def _jsonl(file: Any, of: ExportTable, table: pa.Table, _how: Wanted) -> None:
    """Write a record a line, which says of which table it is. Ids are numbers, times RFC 3339."""
    columns = [
        pc.strftime(column, format=_TIME) if pa.types.is_timestamp(column.type) else column
        for column in table.columns
    ]
    for row in pa.table(columns, names=table.column_names).to_pylist():
        file.write(to_json({"table": of.name, **row}))
        file.write(b"\n")


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
