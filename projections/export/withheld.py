"""What an export leaves out for who may not see what was taken back: a pure function of rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json

from projections.export.names import TableName
from projections.export.tables import ExportTable
from projections.facts import canonical_json

_Fields = dict[str, Any]


def withheld(of: ExportTable, rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a table without the texts of deleted messages and superseded versions.

    `withheld` says so. Without quotes, too: what is quoted may have been taken back, and a row
    does not know. Of events no payload is left, for all of that stands there.
    """
    without = _WITHOUT.get(of.name)
    if without is None:
        return rows
    names = [column.name for column in of.columns]
    return [tuple(without(dict(zip(names, row, strict=True))).values()) for row in rows]


def _message(row: _Fields) -> _Fields:
    if row["reply_to"] is not None:
        row["reply_to"] = canonical_json({**from_json(row["reply_to"]), "text": None})
    return row if row["state"] == "live" else _without_text(row)


def _version(row: _Fields) -> _Fields:
    """Only the last version of a live message has no end."""
    return row if row["until_basis"] is None else _without_text(row)


def _without_text(row: _Fields) -> _Fields:
    if row["text"] is not None:
        row["text"], row["withheld"] = None, "scope"
    return row


def _event(row: _Fields) -> _Fields:
    row["payload"] = None
    return row


_WITHOUT: Final[Mapping[TableName, Callable[[_Fields], _Fields]]] = {
    "messages": _message,
    "versions": _version,
    "events": _event,
}
