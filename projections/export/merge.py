"""Makes one export of a whole one and its increments: as if all were exported at the last."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from projections.errors import DamagedExport, OtherExport, TargetUnusable
from projections.export.arrow import UNKNOWN, table_of
from projections.export.chain import Link, chain_of
from projections.export.files import write_file
from projections.export.manifest import (
    Complete,
    Manifest,
    Part,
    read_complete,
    read_manifest,
    table_said,
)
from projections.export.merged_rows import Months
from projections.export.names import COMPLETE, MANIFEST, PartName
from projections.export.readers import READERS
from projections.export.runs import in_runs
from projections.export.tables import TABLES
from projections.export.target import Target

_MEMORY: Final = "512MB"
"""What DuckDB holds at most; what is more, it keeps in files of its own."""

_THREADS: Final = 2
"""Each of them needs a share of that."""

Progress = Callable[[int, int], Any]
"""Is told how many tables are merged, of how many."""


async def merge(folders: Sequence[Path], target: Target, progress: Progress) -> Complete:
    """Write what a whole export and its increments make, and return what that is made of.

    Each folder holds one of them, or has all in sub-folders. What was written by one who was cut
    off is written again. Raises DoesNotFollow, DamagedExport and NoSuchExport for what cannot be
    merged, OtherExport when the target holds another export, TargetUnusable.
    """
    chain = chain_of(folders, but=target.local)
    manifest = _manifest_of(chain)
    if _is_begun(target, manifest) and target.size(COMPLETE) is not None:
        return read_complete(target)
    for link in chain:
        link.check_files()
    with target.held():
        if not _is_begun(target, manifest):
            with target.writing(MANIFEST) as file:
                file.write(manifest.spelled())
        return await _made(chain, target, manifest, progress)


async def _made(
    chain: Sequence[Link], target: Target, manifest: Manifest, progress: Progress
) -> Complete:
    """Write what a chain makes, and that it is whole."""
    parts: list[Part] = []
    with _duckdb(target) as session:
        for done, name in enumerate(manifest.tables):
            progress(done, len(manifest.tables))
            try:
                parts += await _merged(session, chain, target, name)
            except (duckdb.OutOfMemoryException, duckdb.IOException):
                said = f"the disk is full, or {_MEMORY} of memory are not enough to merge {name}"
                raise TargetUnusable(target.address, said) from None
            except duckdb.Error as error:  # what it says may quote what it read
                said = f"DuckDB cannot read them: {type(error).__name__}"
                raise DamagedExport(f"the files of {name}", said) from None
    rows: dict[PartName, int] = {
        name: sum(part.rows for part in parts if part.table == name) for name in manifest.tables
    }
    whole = Complete(position=manifest.position, rows=rows, parts=tuple(parts))
    with target.writing(COMPLETE) as file:
        file.write(whole.spelled())
    return whole


def _manifest_of(chain: Sequence[Link]) -> Manifest:
    """Say what is made of a chain."""
    whole, last = chain[0].manifest, chain[-1].manifest
    return last.model_copy(
        update={
            "wanted": whole.wanted,
            "merged": tuple(link.complete.position for link in chain),
            "tables": {name: table_said(name, (), op=False) for name in whole.tables},
        }
    )


def _is_begun(target: Target, manifest: Manifest) -> bool:
    """Say whether this was begun in a folder. Raises OtherExport where something else is there."""
    begun = read_manifest(target)
    if begun is None:
        if foreign := target.foreign():
            raise OtherExport(target.address, f"{foreign} is in it")
        return False
    if begun != manifest:
        raise OtherExport(target.address, "it is not made of these exports")
    return True


@contextmanager
def _duckdb(target: Target) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database, whose files are beside what is written, and go at the end."""
    if target.local is None:
        folder = Path(tempfile.mkdtemp(prefix="chronicle-"))
    else:
        folder = target.local / "_progress" / "merging"
        shutil.rmtree(folder, ignore_errors=True)  # of one who was cut off
        folder.mkdir(parents=True)
    try:
        with duckdb.connect(
            folder / "merging.duckdb",
            config={
                "memory_limit": _MEMORY,
                "threads": _THREADS,
                "temp_directory": str(folder / "aside"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        ) as session:
            session.execute("SET TimeZone = 'UTC'")
            yield session
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _merged(
    session: duckdb.DuckDBPyConnection, chain: Sequence[Link], target: Target, name: str
) -> list[Part]:
    """Write the files of a table; one without a row where there are none, as an export has it."""
    wanted, table = chain[0].manifest.wanted, TABLES[name]
    reader = READERS[wanted.format]
    months = Months(session, chain, table, reader)
    parts: list[Part] = []
    for month in months:
        number = 0
        async for rows in in_runs(months.rows(month)):
            parts.append(
                write_file(
                    target,
                    wanted,
                    table,
                    months.in_order(rows),
                    month=month,
                    name=f"part-{number:05}",
                    write=reader.write,
                )
            )
            number += 1
    if not parts:
        nothing = table_of(table, ())
        parts = [write_file(target, wanted, table, nothing, month=UNKNOWN, name="part-00000")]
    return parts
