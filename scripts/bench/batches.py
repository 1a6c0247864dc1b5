"""Whole files: importing them, and rebuilding everything from the raw log."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import text

from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.database.sqlite import read_only
from eventstore.directory import Portal
from projections.verify import verify_read_models
from scripts.bench.commands import Finished, run_command
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate
from scripts.bench.measures import Measure, WrongAnswer
from scripts.bench.store import SLUG, Store, check_log, identities, new_store

_SEED: Final = 7
_BATCH: Final = 2_000
_MIB: Final = 2**20
_MOST_MEMORY: Final = 300

_UNTOLD: Final = text("""
SELECT (SELECT position FROM checkpoint),
       (SELECT position FROM checkpoint) - (SELECT count(DISTINCT position) FROM fact),
       (SELECT count(*) FROM undecoded),
       (SELECT count(DISTINCT message_id) FROM fact) - (SELECT count(*) FROM message)
""")


async def batches(folder: Path, *, rounds: int, count: int) -> list[Measure]:
    """Import a file into a new store on one core, then rebuild it on all, some times.

    Both figures are of the whole command, from the start of its process to its end. The import's
    floor commits the raw lines, 2,000 at a time; the rebuild's reads every event of the log and
    commits its payload likewise.
    """
    path = _written(folder / "events.ndjson", count)
    imports: list[float] = []
    import_floors: list[float] = []
    rebuilds: list[float] = []
    rebuild_floors: list[float] = []
    for number in range(rounds):
        with path.open("rb") as lines:
            bare = folder / f"import-{number}.db"
            import_floors.append(bare_rate(bare, lines, batch=_BATCH))
        store = await new_store(folder / f"batches-{number}")
        imports.append(count / _import(store, path).seconds)
        await _check_import(store, path)
        rebuilds.append(count / run_command(store, "rebuild").seconds)
        await _verify_rebuild(store, await _check_rebuild(store, count))
        rebuild_floors.append(_copy_rate(store, folder / f"rebuild-{number}.db"))
    return [
        Measure(
            "import, on one core",
            "events/s",
            imports,
            import_floors,
            "sqlite3, 2,000 raw lines a commit",
            at_least=20_000,
        ),
        Measure(
            "rebuild from raw",
            "events/s",
            rebuilds,
            rebuild_floors,
            "sqlite3, the log copied row by row",
            at_least=25_000,
        ),
    ]


async def memory(folder: Path, *, count: int) -> list[Measure]:
    """Import and rebuild many events, and look at the peaks; the floor only starts and ends."""
    path = _written(folder / "many.ndjson", count)
    store = await new_store(folder / "memory")
    nothing = run_command(store, "status").peak / _MIB
    imported = _import(store, path).peak / _MIB
    await _check_import(store, path)
    rebuilt = run_command(store, "rebuild").peak / _MIB
    await _check_rebuild(store, count)
    return [
        Measure(
            f"peak memory, {name} of {count:,}",
            "MiB",
            [peak],
            [nothing],
            "`chronicle status`",
            at_most=_MOST_MEMORY,
        )
        for name, peak in (("import", imported), ("rebuild", rebuilt))
    ]


def _written(path: Path, count: int) -> Path:
    with path.open("wb") as file:
        file.writelines(generate(count, _SEED))
    return path


def _import(store: Store, path: Path) -> Finished:
    arguments = "import", str(path), "--portal", SLUG, "--receiver", "user:27"
    return run_command(store, *arguments, one_core=True)


async def _check_import(store: Store, path: Path) -> None:
    with path.open("rb") as lines:
        await check_log(store, identities(lines))


async def _check_rebuild(store: Store, count: int) -> Portal:
    """Every event says something, and every message has its row; return the portal as it is."""
    catalog = await Catalog.open(store.folder)
    try:
        portal = (await catalog.snapshot()).portal(SLUG)
    finally:
        await catalog.close()
    pool = Pool(store.folder.generation(portal.generation), 1)
    try:
        async with pool.reading() as session:
            ((reached, silent, undecoded, unfolded),) = await session.rows(_UNTOLD)
    finally:
        await pool.close()
    if (reached, silent, undecoded, unfolded) != (count, 0, 0, 0):
        raise WrongAnswer(
            f"of {count} events {reached} are rebuilt, {silent} say nothing, {undecoded} are"
            f" undecoded; {unfolded} messages have no row"
        )
    return portal


async def _verify_rebuild(store: Store, portal: Portal) -> None:
    """Derive everything again, and compare every row."""
    async for difference in verify_read_models(store.folder, [portal], lambda _done, _total: None):
        raise WrongAnswer(str(difference))


def _copy_rate(store: Store, path: Path) -> float:
    def payloads(connection: sqlite3.Connection) -> Iterable[str]:
        stored = connection.execute("SELECT * FROM event ORDER BY portal_id, position")
        return (row[9] for row in stored)

    with closing(sqlite3.connect(read_only(store.folder.log.path), uri=True)) as connection:
        return bare_rate(path, payloads(connection), batch=_BATCH)
