"""By which columns a statement would search which tables, on either engine."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ClauseElement, MetaData, Table
from sqlalchemy import text as verbatim
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler

from eventstore.database import Session
from eventstore.database.postgresql import PostgresSchema, PostgresSession
from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from eventstore.schema import log_metadata
from projections.generations import prepare_generation
from projections.tables import metadata
from tests.engines import step_aside

Searches = list[tuple[str, tuple[str, ...]]]
"""A table, and the columns by which it is searched in an index: none when it is read whole."""

ROWS: Final = 10_000
"""Rows in each table, of three portals: enough for a planner to think twice."""

_SPELLED: Final = {
    "portal_id": "1 + n % 3",
    "kind": "CASE n % 10 WHEN 0 THEN 'member_joined' ELSE 'message_posted' END",
    "subject": "(ARRAY['chat', 'user', 'presence', 'queue'])[1 + n % 4]",
}


class explain(Executable, ClauseElement):  # noqa: N801 - reads as SQL does
    """EXPLAIN a statement, with the values that it is run with."""

    inherit_cache = False

    def __init__(self, statement: Executable) -> None:
        self.statement: Any = statement


@compiles(explain, "postgresql")
def _explain_postgresql(element: explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


@compiles(explain, "sqlite")
def _explain_sqlite(element: explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN QUERY PLAN {compiler.process(element.statement, **options)}"


async def sqlite_searches(
    session: Session, statement: Executable, values: dict[str, Any]
) -> Searches:
    """Tell how SQLite would run a statement."""
    steps = [row[3] for row in await session.rows(explain(statement), **values)]
    found = (re.match(r"(?:SEARCH|SCAN) (\w+)(.*)", step) for step in steps)
    return [
        # An alias is the table with a number: `event_1`.
        (re.sub(r"_\d+$", "", match[1]), tuple(re.findall(r"(\w+)[<>=]", match[2])))
        for match in found
        if match and match[1] != "json_each" and not match[1].startswith("anon_")
    ]


async def postgresql_searches(
    session: Session, statement: Executable, values: dict[str, Any]
) -> Searches:
    """Tell how PostgreSQL would run a statement, knowing its values, unless it is planned once."""
    if statement.get_execution_options().get("planned_once"):
        return await generic_searches(session, statement)
    ((plan,),) = await session.rows(explain(statement), **values)
    return _searches(plan)


async def generic_searches(session: Session, statement: Executable) -> Searches:
    """Tell how PostgreSQL would run a statement for any values: so it does after five times."""
    assert isinstance(session, PostgresSession)
    prepared = session.prepared(statement)
    await session.execute("SET plan_cache_mode = force_generic_plan")
    await session.execute(f"PREPARE asked AS {prepared.text}")
    nothing = ", ".join(["NULL"] * len(prepared.names))
    explained = verbatim(f"EXPLAIN (FORMAT JSON) EXECUTE asked({nothing})")
    ((plan,),) = await session.rows(explained)
    await session.execute("DEALLOCATE asked")
    await session.execute("RESET plan_cache_mode")
    return _searches(plan)


def _searches(plan: str) -> Searches:
    return list(_of_node(json.loads(plan)[0]["Plan"]))


def _of_node(node: dict[str, Any], table: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    table = node.get("Relation Name", table)
    if node["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        columns = re.findall(r'\("?(\w+)"? [<>=]', node.get("Index Cond", ""))
        yield table, tuple(columns)
    for part in node.get("Plans", ()):
        yield from _of_node(part, table)


async def fill(url: str) -> None:
    """Put rows into every table of a new database's log and first generation."""
    store = PostgresStore(url)
    await ensure(store)
    await prepare_generation(store, 1)
    for place, tables in ((store.log, log_metadata), (store.generation(1), metadata)):
        await _fill(place, tables)


async def _fill(place: PostgresSchema, tables: MetaData) -> None:
    session = await place.open_writer()
    try:
        await step_aside(session)
        for table in tables.sorted_tables:
            await session.execute(
                f"INSERT INTO {place.schema}.{table.name} SELECT {_row(table)}"  # noqa: S608
                f" FROM generate_series(1, {ROWS}) AS n"
            )
        await session.settle()
    finally:
        await session.close()


def _row(table: Table) -> str:
    alone = len(table.primary_key) == 1
    return ", ".join(_value(column.name, str(column.type), alone=alone) for column in table.columns)


def _value(name: str, kind: str, *, alone: bool) -> str:
    if name in _SPELLED and not (alone and name == "portal_id"):
        return _SPELLED[name]
    if "INT" in kind:
        return "n"
    return "'\\x00'" if kind == "BLOB" else "'text ' || n"
