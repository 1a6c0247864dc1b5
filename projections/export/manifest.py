"""What an export says of itself: the question it answers, and what it is made of.

`manifest.json` is written first and never changes. `complete.json` is written last: where it is
missing, the export is not whole.
"""

from pydantic import ValidationError

from eventstore.event import MAX_INSTANT, Instant
from projections.errors import NoSuchExport, OtherExport
from projections.export.names import COMPLETE, MANIFEST, PartName, TableName
from projections.export.seen import CoverageSaid
from projections.export.selection import Piece
from projections.export.tables import SCHEMA_VERSION, table_for
from projections.export.target import Target
from projections.export.wanted import Said, Wanted
from projections.view import View


class ColumnSaid(Said):
    """A column, for who has only the manifest."""

    name: str
    type: str
    about: str


class TableSaid(Said):
    """A table: its key, its columns, and the pieces that it is written in."""

    key: tuple[str, ...]
    columns: tuple[ColumnSaid, ...]
    pieces: tuple[tuple[int, int], ...]


class Manifest(Said):
    """What an export is, fixed when it was begun: it knows the log up to `position`.

    `head` was the log's newest position then. A transcript is one piece for each chat. What was
    merged has no pieces: `merged` says at which positions the exports are that it was made of.
    """

    schema_version: int = SCHEMA_VERSION
    installation: str
    wanted: Wanted
    position: int
    head: int
    fingerprint: str
    created_at: Instant
    coverage: CoverageSaid | None = None
    merged: tuple[int, ...] | None = None
    tables: dict[TableName, TableSaid]

    @property
    def view(self) -> View:
        """What it may know."""
        as_of = self.wanted.as_of
        return View(self.position, MAX_INSTANT if as_of is None else as_of)

    @property
    def pieces(self) -> list[Piece]:
        """The pieces that it is written in, in order."""
        if self.wanted.format == "html":
            chats = self.wanted.chats or ()
            return [Piece("transcript", each, each - 1, each) for each in chats]
        return [
            Piece(name, number, *bounds)
            for name, said in self.tables.items()
            for number, bounds in enumerate(said.pieces)
        ]


class Part(Said):
    """One file of an export."""

    path: str
    table: PartName
    rows: int
    bytes: int
    sha256: str


class Complete(Said):
    """What a whole export is made of."""

    position: int
    rows: dict[PartName, int]
    parts: tuple[Part, ...]


def table_said(name: TableName, pieces: tuple[tuple[int, int], ...], *, op: bool) -> TableSaid:
    """Describe a table and its pieces; of an increment, also the column that says what to do."""
    table = table_for(name, op=op)
    columns = [
        ColumnSaid(name=column.name, type=str(column.type), about=column.about)
        for column in table.columns
    ]
    return TableSaid(key=table.key, columns=tuple(columns), pieces=pieces)


def read_manifest(target: Target) -> Manifest | None:
    """Return what stands in a folder's manifest; None where there is none.

    Raises OtherExport when it is none of ours, and TargetUnusable.
    """
    said = target.read(MANIFEST)
    if said is None:
        return None
    try:
        return Manifest.model_validate_json(said)
    except ValidationError:
        raise OtherExport(target.address, "its manifest is not one of this version") from None


def read_complete(target: Target) -> Complete:
    """Return what a whole export is made of. Raises NoSuchExport where it is not whole."""
    said = target.read(COMPLETE)
    if said is None:
        raise NoSuchExport(target.address)
    try:
        return Complete.model_validate_json(said)
    except ValidationError:
        raise OtherExport(target.address, f"its {COMPLETE} is not one of this version") from None
