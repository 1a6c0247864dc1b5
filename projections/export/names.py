"""The names of an export's tables, formats and files, known without Arrow, which loads slowly."""

from typing import Final, Literal, get_args

TableName = Literal[
    "messages", "versions", "reactions", "members", "chats", "users", "events", "changes"
]
TABLE_NAMES: Final[tuple[TableName, ...]] = get_args(TableName)
"""Every table that can be exported, in order."""

PartName = TableName | Literal["transcript"]
"""What a file of an export is of: a table, or the page of a chat."""

FormatName = Literal["parquet", "csv", "jsonl"]
PageName = Literal["html"]
"""The format of transcripts, which have no tables."""

MANIFEST: Final = "manifest.json"
"""Written first; it never changes."""

COMPLETE: Final = "complete.json"
"""Written last: where it is missing, the export is not whole."""
