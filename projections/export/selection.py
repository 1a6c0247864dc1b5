"""Which rows of a table an export shows: of which chats and times, and of which piece."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from projections.export.names import PartName
from projections.export.tables import ExportTable
from projections.export.wanted import Wanted

_OF_ALL_TIMES: Final = frozenset(("chats", "users"))
"""The tables that say what the ids of the others stand for: no window leaves any of it out."""


class Piece(NamedTuple):
    """The rows of a table whose keys lie behind `after`, up to `upto`: written together."""

    table: PartName
    number: int
    after: int
    upto: int


def chosen(
    wanted: Wanted,
    of: ExportTable,
    rows: Sequence[tuple[Any, ...]],
    named: Collection[int] | None = None,
) -> Sequence[tuple[Any, ...]]:
    """Return those of a table's rows that were asked for.

    `named` holds the first key of those that the chats name, where no column says a chat. A row
    whose month is unknown lies in no window of time.
    """
    names = [column.name for column in of.columns]
    if wanted.chats is not None and "chat_id" in names:
        place, chats = names.index("chat_id"), frozenset(wanted.chats)
        rows = [row for row in rows if row[place] in chats]
    if named is not None:
        place = names.index(of.key[0])
        rows = [row for row in rows if row[place] in named]
    if of.name in _OF_ALL_TIMES or (wanted.since is None and wanted.until is None):
        return rows
    place = names.index(of.month)
    return [
        row
        for row in rows
        if row[place] is not None
        and (wanted.since is None or row[place] >= wanted.since)
        and (wanted.until is None or row[place] < wanted.until)
    ]
