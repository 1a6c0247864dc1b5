"""Full-text search: which rows of a table have which words, on either engine.

A table that is searched has a column whose words stand with one space between them, and begin
with what keeps portals apart. They are letters and digits as they will be asked for: nothing here
folds or stems them. With the secondary indexes of the table comes what finds its rows by them:
on SQLite an index of FTS5 and the triggers that keep it, on PostgreSQL a GIN index and a function.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType

_SEARCHED: Final = "searched"

# Of any character but a letter or a digit of ASCII, or one beyond it, `ascii` makes a gap: so of
# a space. It needs neither the places nor the numbers of words, which are the rows' own.
_FTS5: Final = (
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS {found}
        USING fts5({column}, content='{table}', detail=none, columnsize=0, tokenize='ascii')
    """,
    """
    CREATE TRIGGER IF NOT EXISTS {table}_inserted AFTER INSERT ON {table}
    BEGIN INSERT INTO {found}(rowid, {column}) VALUES (NEW.rowid, NEW.{column}); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS {table}_deleted AFTER DELETE ON {table}
    BEGIN
        INSERT INTO {found}({found}, rowid, {column}) VALUES ('delete', OLD.rowid, OLD.{column});
    END
    """,
    """
    INSERT INTO {found}({found}) VALUES ('rebuild')
    """,
)

# A planner that may would look through a portal's rows in their order where it takes words for
# common, and it thinks that those of two languages stand together.
_GIN: Final = (
    """
    CREATE INDEX IF NOT EXISTS {found} ON {schema}.{table}
        USING gin (array_to_tsvector(string_to_array({column}, ' ')))
    """,
    """
    CREATE OR REPLACE FUNCTION {schema}.{found}(integer, text, bigint) RETURNS SETOF tid
    LANGUAGE sql STABLE SET enable_seqscan = off SET enable_indexscan = off
    BEGIN ATOMIC
        SELECT ctid FROM {schema}.{table} WHERE portal_id = $1
        AND array_to_tsvector(string_to_array({column}, ' ')) @@ $2::tsquery LIMIT $3;
    END
    """,
)


class Sought(tuple[tuple[str, bool], ...]):
    """The value of the words that are sought: each, and whether it is only the beginning of one."""

    __slots__ = ()

    @property
    def fts5(self) -> str:
        """All of them, as FTS5 is asked."""
        return " AND ".join(f'"{word}"{" *" if begins else ""}' for word, begins in self)

    @property
    def tsquery(self) -> str:
        """All of them, as PostgreSQL is asked."""
        return " & ".join(f"'{word}'{':*' if begins else ''}" for word, begins in self)


def searched(table: Table, column: str) -> Table:
    """Let the rows of a table be found by the words of a column."""
    table.info[_SEARCHED] = column
    return table


def full_text_statements(table: Table, dialect: Dialect, schema: str | None) -> Iterator[str]:
    """Give the DDL of what finds the rows of a table by their words, if it is searched."""
    if column := table.info.get(_SEARCHED):
        for statement in _FTS5 if dialect.name == "sqlite" else _GIN:
            yield statement.format(
                table=table.name, column=column, found=_found(table), schema=schema
            )


def _found(table: Table) -> str:
    return f"{table.name}_found"


class found_by(ColumnElement[Any]):  # noqa: N801 - reads as SQL does, like SQLAlchemy's own
    """Whether a row is one of at most `most` of a portal that have all words that are `sought`.

    Its parameters are `portal_id`, `sought` and `most`.
    """

    inherit_cache = False
    # A boolean would be compiled to `… = 1`, which no index can serve.
    type = NullType()

    def __init__(self, table: Table) -> None:
        self.table = table
        self.parameters: list[BindParameter[Any]] = [
            bindparam("portal_id"),
            bindparam("sought"),
            bindparam("most"),
        ]


@compiles(found_by, "sqlite")
def _found_by_sqlite(element: found_by, compiler: SQLCompiler, **options: Any) -> str:
    _, sought, most = (compiler.process(each, **options) for each in element.parameters)
    found = _found(element.table)
    return (
        f"{element.table.name}.rowid IN"  # noqa: S608 - our names
        f" (SELECT rowid FROM {found} WHERE {found} MATCH {sought} LIMIT {most})"
    )


@compiles(found_by, "postgresql")
def _found_by_postgresql(element: found_by, compiler: SQLCompiler, **options: Any) -> str:
    portal_id, sought, most = (compiler.process(each, **options) for each in element.parameters)
    schema = compiler.process(element.table, asfrom=True, **options).partition(".")[0]
    found = f"{schema}.{_found(element.table)}"
    return (
        f"{element.table.name}.ctid = ANY (ARRAY("
        f"SELECT {found}({portal_id}::integer, {sought}::text, {most}::bigint)))"
    )


class unindexed(ColumnElement[Any]):  # noqa: N801 - as above
    """A column whose conditions find no rows: they only say which of those found are kept.

    SQLite knows no figures of its rows, and would rather walk through all than look some up.
    """

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(unindexed)
def _unindexed(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.column, **options)


@compiles(unindexed, "sqlite")
def _unindexed_sqlite(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.column, **options)}"


class strpos(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """Where a text has another one; 0 if nowhere."""

    inherit_cache = True


@compiles(strpos, "sqlite")
def _strpos(element: strpos, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"
