"""Whole files: importing them, and rebuilding everything from the raw log."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from sqlalchemy import select, text

from eventstore.catalog import Catalog
from eventstore.database import Pool, Session
from eventstore.directory import Portal
from eventstore.schema import event
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from scripts.bench.commands import Finished, run_command
from scripts.bench.engines import Engine, in_turns
from scripts.bench.events import generate
from scripts.bench.floors import bare_rate, batched
from scripts.bench.measures import Measure, Round, WrongAnswer
from scripts.bench.peers import EVENTSOURCING
from scripts.bench.peers.contenders import LOCKED, Contender
from scripts.bench.store import SLUG, Store, check_log, identities, new_store

_SEED: Final = 7
_BATCH: Final = 2_000
_MIB: Final = 2**20
_MOST_MEMORY: Final = 300

_EVENTS: Final = select(event).order_by(event.c.portal_id, event.c.position)
_PAYLOAD: Final = event.columns.keys().index("payload")

_FACTS: Final = text("SELECT count(*) FROM fact")
_RUNNER: Final = f"{EVENTSOURCING}'s projection runner, which keeps its place"

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
    folded: Round
    verified: Round
    log_size: Round
    read_size: Round


async def batches(
    engines: Sequence[Engine], folder: Path, *, rounds: int, count: int, peers: bool
) -> list[Measure]:
    """Import a file into a new store, rebuild it from its log and from its facts, verify the log.

    Figures but the last are of the whole command, from the start of its process to its end, on
    every core. The import's floor commits the raw lines, 2,000 at a time; the rebuild's reads
    every event of the log and commits its payload likewise.
    """
    path = _written(folder / "events.ndjson", count)
    fewer = _written(folder / "fewer.ndjson", count // 20)  # a peer takes so much longer

    async def measure(engine: Engine, number: int) -> _Files:
        import_floor = await _lines_rate(path, await engine.new_bare(f"import-{number}"))
        store = await new_store(await engine.new_store(f"batches-{number}"))
        imported = count / _import(store, path).seconds
        await _check_import(store, path)
        rebuilt = count / run_command(store, "rebuild").seconds
        await _verify_rebuild(store, await check_rebuild(store, count))
        rebuild_floor = await _copy_rate(store, await engine.new_bare(f"rebuild-{number}"))
        runner = {}
        if peers and engine.name == "PostgreSQL":
            address = await engine.new_bare(f"runner-{number}")
            runner[_RUNNER] = await Contender(LOCKED, EVENTSOURCING).project(address, fewer)
        folded = run_command(store, "rebuild", "--from", "facts").seconds
        portal = await check_rebuild(store, count)
        await _verify_rebuild(store, portal)
        return _Files(
            Round(imported, {_raw(engine): import_floor}),
            Round(rebuilt, {_copied(engine): rebuild_floor, **runner}),
            Round(await _facts(store, portal) / folded),
            Round(await _verify_rate(store, count)),
            Round(await store.place.log.size() / count),
            Round(await store.place.generation(portal.generation).size() / count),
        )

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in _measures(engine, found)
    ]


def _measures(engine: Engine, found: Sequence[_Files]) -> Iterator[Measure]:
    sqlite = engine.name == "SQLite"
    rows: list[tuple[str, str, float | None, dict[str, float]]] = [
        ("import", "events/s", 40_000 if sqlite else 30_000, {}),
        ("rebuild from raw", "events/s", 60_000 if sqlite else 50_000, {_RUNNER: 50}),
        ("rebuild from facts", "facts/s", 120_000 if sqlite else 100_000, {}),
        ("verify the log", "events/s", 150_000 if sqlite else 80_000, {}),
        ("stored for an event, log", "bytes", None, {}),
        ("stored for an event, read models", "bytes", None, {}),
    ]
    for (name, unit, goal, of), rounds in zip(rows, zip(*found, strict=True), strict=True):
        yield Measure.of_rounds(engine.name, name, unit, rounds, at_least=goal, of=of)


def _raw(engine: Engine) -> str:
    return f"bare {engine.driver}, 2,000 raw lines a commit"


def _copied(engine: Engine) -> str:
    return f"bare {engine.driver}, the log copied 2,000 a commit"


async def _facts(store: Store, portal: Portal) -> int:
    pool = Pool(store.place.generation(portal.generation), 1)
    try:
        async with pool.reading() as session:
            ((facts,),) = await session.rows(_FACTS)
    finally:
        await pool.close()
    return int(facts)


async def _verify_rate(store: Store, count: int) -> float:
    started = perf_counter()
    async for difference in verify_log(store.place, [store.portal], lambda _done, _total: None):
        raise WrongAnswer(str(difference))
    return count / (perf_counter() - started)


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
    await check_rebuild(store, count)
    return [
        Measure.of_rounds(
            engine.name,
            f"peak memory, {name} of {count:,}",
            "MiB",
            [Round(peak, {"`chronicle status`": nothing})],
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


async def check_rebuild(store: Store, count: int) -> Portal:
    """Return the portal as it is.

    Raises WrongAnswer unless every event says something, and every message has its row.
    """
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
