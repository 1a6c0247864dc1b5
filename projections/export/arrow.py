"""Rows of an export as Arrow tables: a column at a time."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import from_json

from projections.export.tables import ExportTable

UNKNOWN: Final = "__HIVE_DEFAULT_PARTITION__"
"""What readers of such folders take for null."""


def table_of(of: ExportTable, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Make an Arrow table of rows in the order of the columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(of.columns)
    arrays = [
        _array(values, column.type) for values, column in zip(columns, of.columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=of.schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(values, pa.int8()).cast(kind)
    if pa.types.is_nested(kind):
        texts = pa.array(values, pa.string()).dictionary_encode()  # most say one of a few things
        read = [_fitted(from_json(text), kind) for text in texts.dictionary.to_pylist()]
        return pa.array(read, kind).take(texts.indices)
    return pa.array(values, kind)


def _fitted(value: Any, kind: pa.DataType) -> Any:
    """Make of a JSON value one that fits a column: an id may be a number or a text."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_fitted(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        return {part.name: _fitted(value.get(part.name), part.type) for part in kind}
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else str(value)
    return _whole(value)


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if -(2**63) <= number < 2**63 else None


def in_order(of: ExportTable, table: pa.Table) -> pa.Table:
    """Sort rows as those of a file are."""
    if of.keyed_by == "position":  # by which they come
        return table
    return table.sort_by([(name, "ascending") for name in of.order])


def by_month(of: ExportTable, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Part a table by month, in order."""
    months = pc.strftime(table[of.month], format="%Y-%m").combine_chunks()
    found = sorted(months.unique().to_pylist(), key=lambda each: each or "")
    for month in found:
        here = pc.is_null(months) if month is None else pc.equal(months, month)
        yield month or UNKNOWN, table if len(found) == 1 else table.filter(here)
