"""Writes the report of an export, from the files that its `complete.json` names."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eventstore.event import Instant
from projections.errors import DamagedExport, ExportUnfit, NoSuchExport
from projections.export.manifest import Complete, Manifest, read_complete, read_manifest
from projections.export.names import TableName
from projections.export.report.figures import figures
from projections.export.target import Target

TABLES: Final[tuple[TableName, ...]] = ("messages", "reactions", "members", "chats", "users")
"""What a report is made from."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def report(folder: Path, portal: str, zone: str) -> str:
    """Return the page of a whole export in a folder.

    Raises NoSuchExport, OtherExport, ExportUnfit and DamagedExport where the folder is nothing to
    make it from, and TargetUnusable.
    """
    target = Target(str(folder))
    manifest = read_manifest(target)
    if manifest is None:
        raise NoSuchExport(str(folder))
    complete = read_complete(target)
    _check(manifest, str(folder), portal)
    try:
        with _opened(folder, complete, zone) as database:
            found = figures(lambda query: database.sql(query).fetchall(), zone)
    except duckdb.Error as error:  # what it says may quote what it read
        said = f"DuckDB cannot read its files: {type(error).__name__}"
        raise DamagedExport(str(folder), said) from None
    return _TEMPLATES.get_template("report.html").render(
        figures=found,
        manifest=manifest,
        complete=complete,
        zone=zone,
        version=version("chronicle"),
        spelled=_spelled,
    )


def _check(manifest: Manifest, folder: str, portal: str) -> None:
    wanted = manifest.wanted
    missing = [name for name in TABLES if name not in wanted.tables]
    if wanted.portal != portal:
        raise ExportUnfit(folder, f"it is of {wanted.portal}")
    if wanted.from_position is not None:
        raise ExportUnfit(folder, "it is an increment: merge it first")
    if wanted.format != "parquet":
        raise ExportUnfit(folder, f"it is {wanted.format}, and must be parquet")
    if missing:
        raise ExportUnfit(folder, f"it is without {', '.join(missing)}")


def _opened(folder: Path, complete: Complete, zone: str) -> duckdb.DuckDBPyConnection:
    """Open each table by the name that the queries know."""
    database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    database.execute("SET TimeZone = $zone", {"zone": zone})
    for name in TABLES:
        files = [str(folder / part.path) for part in complete.parts if part.table == name]
        listed = ", ".join(map(_quoted, files))
        database.execute(
            f"CREATE VIEW {name} AS FROM read_parquet([{listed}], hive_partitioning = true)"
        )
    return database


def _quoted(path: str) -> str:
    escaped = path.replace("'", "''")
    return f"'{escaped}'"


def _spelled(instant: Instant) -> str:
    at = _EPOCH + timedelta(microseconds=instant)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
