"""Exports: every table as Parquet and as CSV, what DuckDB copies beside, and what is new since."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Table

from eventstore.database import Place
from eventstore.database.postgresql import PostgresSchema
from eventstore.database.sqlite import SqliteFile
from eventstore.schema import event
from projections.export.names import COMPLETE, TableName
from projections.export.tables import TABLES
from projections.members import membership
from projections.messages import message, message_version
from projections.profiles import chat, user_profile
from projections.reactions import reaction
from scripts.bench.commands import run_command
from scripts.bench.engines import Engine, in_turns
from scripts.bench.environments import program
from scripts.bench.measures import Measure, Round, WrongAnswer
from scripts.bench.peers import DUCKDB
from scripts.bench.reads import fill_to_read
from scripts.bench.store import SLUG, Store

_STORED: Final[Mapping[TableName, tuple[Table, ...]]] = {
    "messages": (message,),
    "versions": (message_version, message),
    "reactions": (reaction, message),
    "members": (membership,),
    "chats": (chat,),
    "users": (user_profile,),
    "events": (event,),
}
"""The tables whose rows are stored as they are exported: changes are found anew."""

_COPY: Final = "DuckDB's COPY of the same rows"
_SHARE: Final = 100
"""Of so many events one is new, for an increment."""


class _Export(NamedTuple):
    """What an export took, and what it is made of."""

    seconds: float
    rows: Mapping[str, int]
    bytes: int

    @property
    def rate(self) -> float:
        return sum(self.rows.values()) / self.seconds


class _Round(NamedTuple):
    """What one round found."""

    parquet: _Export
    csv: _Export
    jsonl: _Export
    stored: _Export
    copied: float | None
    news: _Export


async def exports(
    engines: Sequence[Engine], folder: Path, *, rounds: int, events: int, peers: bool
) -> list[Measure]:
    """Export what some events tell; figures are of the whole command, on every core."""
    stores = {engine: await fill_to_read(engine, "exports", events) for engine in engines}
    target = folder / "exported"

    async def measure(engine: Engine, _number: int) -> _Round:
        store, models = stores[engine].store, stores[engine].generation
        stored = _export(store, target, "--tables", ",".join(_STORED))
        copied = await _copied(store, models, folder, stored) if peers else None
        first = str(events - events // _SHARE + 1)
        found = _Round(
            _export(store, target),
            _export(store, target, "--format", "csv"),
            _export(store, target, "--format", "jsonl"),
            stored,
            copied,
            _export(store, target, "--from-position", first),
        )
        if found.parquet.rows["events"] != events or found.csv.rows != found.parquet.rows:
            raise WrongAnswer(f"of {events} events, {found.parquet.rows} and {found.csv.rows}")
        return found

    return [
        measure
        for engine, found in await in_turns(engines, rounds, measure)
        for measure in _measures(engine, found)
    ]


def _measures(engine: Engine, found: Sequence[_Round]) -> Iterator[Measure]:
    def of(name: str, unit: str, rounds: Sequence[Round], **more: Any) -> Measure:
        return Measure.of_rounds(engine.name, name, unit, rounds, **more)

    parquet = [Round(each.parquet.rate) for each in found]
    csv = [Round(each.csv.rate) for each in found]
    beside = [Round(each.stored.rate, _beside(each)) for each in found]
    yield of("export every table, Parquet", "rows/s", parquet, at_least=150_000)
    yield of("export every table, CSV", "rows/s", csv, at_least=100_000)
    yield of("export every table, JSONL", "rows/s", [Round(each.jsonl.rate) for each in found])
    yield of("export all but changes, Parquet", "rows/s", beside, of={_COPY: 0.5})
    yield of(
        "exported for a row, Parquet",
        "bytes",
        [Round(each.parquet.bytes / sum(each.parquet.rows.values())) for each in found],
    )
    yield of(
        "export what the last 1 % of the events changed",
        "s",
        [Round(each.news.seconds, {"all of it": each.parquet.seconds}) for each in found],
    )


def _beside(found: _Round) -> dict[str, float]:
    rows = sum(found.stored.rows.values())
    return {} if found.copied is None else {_COPY: rows / found.copied}


def _export(store: Store, target: Path, *words: str) -> _Export:
    shutil.rmtree(target, ignore_errors=True)
    took = run_command(store, "export", "--portal", SLUG, "--to", str(target), *words)
    said = from_json((target / COMPLETE).read_bytes())
    return _Export(took.seconds, said["rows"], sum(part["bytes"] for part in said["parts"]))


async def _copied(store: Store, models: Place, folder: Path, ours: _Export) -> float:
    """Let DuckDB copy the same rows; return its seconds. Raises WrongAnswer if they differ."""
    script = str(Path(__file__).parent / "peers" / "with_duckdb.py")
    words = [program(DUCKDB, "python"), script, *_places(store, models), str(folder)]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    queries = {name: _query(name, tables) for name, tables in _STORED.items()}
    said, complained = await process.communicate(to_json(queries))
    if process.returncode:
        raise WrongAnswer(f"{DUCKDB} failed: {complained[-500:].decode()}")
    told = json.loads(said)
    if told["rows"] != {name: ours.rows[name] for name in _STORED}:
        raise WrongAnswer(f"{DUCKDB} copied {told['rows']}, not {ours.rows}")
    return float(told["seconds"])


def _places(store: Store, models: Place) -> tuple[str, str, str]:
    log = store.place.log
    if isinstance(models, SqliteFile) and isinstance(log, SqliteFile):
        return "sqlite", str(models.path), str(log.path)
    if isinstance(models, PostgresSchema) and isinstance(log, PostgresSchema):
        return "postgres", f"{models.server.url} {models.schema}", log.schema
    raise TypeError(models)


def _query(name: TableName, tables: Sequence[Table]) -> str:
    """Ask for the columns of an export in its order, from where they are stored."""
    columns = []
    for column in TABLES[name].columns:
        at = next((each.name for each in tables if column.name in each.c), None)
        spelled = "NULL" if at is None else f"{at}.{column.name}"
        time = str(column.type).startswith("timestamp")
        columns.append(f"{f'make_timestamp({spelled})' if time else spelled} AS {column.name}")
    place = "log" if name == "events" else "models"
    first, *others = tables
    joined = "".join(
        f" JOIN {{{place}}}.{each.name} USING (portal_id, message_id)" for each in others
    )
    order = ", ".join(TABLES[name].order)
    return f"SELECT {', '.join(columns)} FROM {{{place}}}.{first.name}{joined} ORDER BY {order}"  # noqa: S608 - our names
