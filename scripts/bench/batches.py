"""Whole files: importing them, and rebuilding everything from the raw log."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import select, text

from eventstore.catalog import Catalog
from eventstore.database import Pool, Session
from eventstore.directory import Portal
from eventstore.schema import event
from projections.verify_read_models import verify_read_models
from scripts.bench.commands import Finished, run_command
from scripts.bench.engines import Engine, in_turns
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate, batched
from scripts.bench.measures import Measure, Round, WrongAnswer
from scripts.bench.store import SLUG, Store, check_log, identities, new_store

_SEED: Final = 7
_BATCH: Final = 2_000
_MIB: Final = 2**20
_MOST_MEMORY: Final = 300

_EVENTS: Final = select(event).order_by(event.c.portal_id, event.c.position)
_PAYLOAD: Final = event.columns.keys().index("payload")

_UNTOLD: Final = text("""
SELECT (SELECT position FROM checkpoint),
       (SELECT position FROM checkpoint) - (SELECT count(DISTINCT position) FROM fact),
       (SELECT count(*) FROM undecoded),
       (SELECT count(DISTINCT message_id) FROM fact) - (SELECT count(*) FROM message)
""")


class _Files(NamedTuple):
    """What one round found."""

    imported: Round
    rebuilt: Round


async def batches(
    engines: Sequence[Engine], folder: Path, *, rounds: int, count: int
) -> list[Measure]:
    """Import a file into a new store, then rebuild it, some times.

    Both figures are of the whole command, from the start of its process to its end, on every
    core. The import's floor commits the raw lines, 2,000 at a time; the
    rebuild's reads every event of the log and commits its payload likewise.
    """
    path = _written(folder / "events.ndjson", count)

    async def measure(engine: Engine, number: int) -> _Files:
        import_floor = await _lines_rate(path, await engine.new_bare(f"import-{number}"))
        store = await new_store(await engine.new_store(f"batches-{number}"))
        imported = count / _import(store, path).seconds
        await _check_import(store, path)
        rebuilt = count / run_command(store, "rebuild").seconds
        await _verify_rebuild(store, await _check_rebuild(store, count))
        rebuild_floor = await _copy_rate(store, await engine.new_bare(f"rebuild-{number}"))
        return _Files(Round(imported, import_floor), Round(rebuilt, rebuild_floor))

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in (_of_imports(engine, found), _of_rebuilds(engine, found))
    ]


def _of_imports(engine: Engine, found: Sequence[_Files]) -> Measure:
    return Measure(
        engine.name,
        "import",
        "events/s",
        [of_round.imported.figure for of_round in found],
        [of_round.imported.floor for of_round in found],
        f"{engine.driver}, 2,000 raw lines a commit",
        at_least=20_000,
    )


def _of_rebuilds(engine: Engine, found: Sequence[_Files]) -> Measure:
    return Measure(
        engine.name,
        "rebuild from raw",
        "events/s",
        [of_round.rebuilt.figure for of_round in found],
        [of_round.rebuilt.floor for of_round in found],
        f"{engine.driver}, the log copied 2,000 a commit",
        at_least={"SQLite": 25_000, "PostgreSQL": 20_000}[engine.name],
    )


async def memory(engines: Sequence[Engine], folder: Path, *, count: int) -> list[Measure]:
    """Import and rebuild many events, and look at the peaks; the floor only starts and ends."""
    path = _written(folder / "many.ndjson", count)
    return [measure for engine in engines for measure in await _peaks(engine, path, count)]


async def _peaks(engine: Engine, path: Path, count: int) -> list[Measure]:
    store = await new_store(await engine.new_store("memory"))
    nothing = run_command(store, "status").peak / _MIB
    imported = _import(store, path).peak / _MIB
    await _check_import(store, path)
    rebuilt = run_command(store, "rebuild").peak / _MIB
    await _check_rebuild(store, count)
    return [
        Measure(
            engine.name,
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
    return run_command(store, *arguments)


async def _check_import(store: Store, path: Path) -> None:
    with path.open("rb") as lines:
        await check_log(store, identities(lines))


async def _check_rebuild(store: Store, count: int) -> Portal:
    """Every event says something, and every message has its row; return the portal as it is."""
    catalog = await Catalog.open(store.place)
    try:
        portal = (await catalog.snapshot()).portal(SLUG)
    finally:
        await catalog.close()
    pool = Pool(store.place.generation(portal.generation), 1)
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
    async for difference in verify_read_models(store.place, [portal], lambda _done, _total: None):
        raise WrongAnswer(str(difference))


async def _lines_rate(path: Path, bare: str) -> float:
    with path.open() as lines:
        return await bare_rate(bare, batched(lines, _BATCH))


async def _copy_rate(store: Store, bare: str) -> float:
    pool = Pool(store.place.log, 1)
    try:
        async with pool.reading() as session:
            return await bare_rate(bare, _stored_payloads(session))
    finally:
        await pool.close()


async def _stored_payloads(session: Session) -> AsyncIterator[list[str]]:
    async for rows in session.stream(_EVENTS):
        yield [row[_PAYLOAD] for row in rows]
