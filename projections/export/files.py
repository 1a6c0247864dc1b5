"""The files of a table: where each stands, and what is said of it."""

import pyarrow as pa

from projections.export.formats import FORMATS, Write
from projections.export.manifest import Part
from projections.export.tables import ExportTable
from projections.export.target import Target
from projections.export.wanted import Wanted


def write_file(  # noqa: PLR0913 - what, of what, where and how
    target: Target,
    wanted: Wanted,
    table: ExportTable,
    rows: pa.Table,
    *,
    month: str,
    name: str,
    write: Write | None = None,
) -> Part:
    """Write some rows of a month, and say what file that is. Raises TargetUnusable."""
    spelled = FORMATS[wanted.format]
    path = f"table={table.name}/portal={wanted.portal}/month={month}/{name}.{spelled.ending}"
    with target.writing(path) as file:
        (write or spelled.write)(file, table, rows, wanted)
    return Part(
        path=path, table=table.name, rows=rows.num_rows, bytes=file.bytes, sha256=file.sha256
    )
