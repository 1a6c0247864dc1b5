"""Exports of rows that a test says, as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from projections.export.arrow import by_month, in_order, table_of
from projections.export.files import write_file
from projections.export.manifest import Complete, Manifest, table_said
from projections.export.names import COMPLETE, MANIFEST, FormatName, PartName, TableName
from projections.export.tables import table_for
from projections.export.target import Target
from projections.export.wanted import Wanted

Rows = Mapping[TableName, Sequence[tuple[Any, ...]]]


def made(  # noqa: PLR0913 - what an export is
    folder: Path,
    rows: Rows,
    *,
    position: int,
    first: int | None = None,
    form: FormatName = "csv",
    most: int = 100,
    **asked: Any,
) -> Path:
    """An export of these rows, so many a file. It is an increment if it has a first position."""
    wanted = Wanted(portal="acme", format=form, tables=tuple(rows), from_position=first, **asked)
    target, op = Target(str(folder)), first is not None
    parts = [
        write_file(target, wanted, table, part, month=month, name=f"part-{begin:05}")
        for table, some in ((table_for(name, op=op), some) for name, some in rows.items())
        for begin in range(0, len(some), most)
        for month, part in by_month(
            table, in_order(table, table_of(table, some[begin : begin + most]))
        )
    ]
    manifest = Manifest(
        installation="here",
        wanted=wanted,
        position=position,
        head=position,
        fingerprint="facts-rows-files",
        created_at=position,
        tables={name: table_said(name, (), op=op) for name in rows},
    )
    counts: dict[PartName, int] = {name: len(some) for name, some in rows.items()}
    complete = Complete(position=position, rows=counts, parts=tuple(parts))
    for name, said in ((MANIFEST, manifest), (COMPLETE, complete)):
        with target.writing(name) as file:
            file.write(said.spelled())
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What every file of the tables says, by its place."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.glob("table=*/**/*.*"))
    }
