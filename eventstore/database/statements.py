"""Statements: SQLAlchemy Core, written once, compiled once for each engine and schema."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from pydantic_core import to_json
from sqlalchemy import BindParameter, ColumnElement, MetaData, Table, Text, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType, TypeEngine

from eventstore.database.full_text import full_text_statements

E = TypeVar("E", bound=Executable)

SQLITE: Final[Dialect] = sqlite.dialect(paramstyle="qmark")
POSTGRESQL: Final[Dialect] = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def text() -> TypeEngine[str]:
    """Return the type of a text that is compared and ordered by its bytes, on both engines."""
    return Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


class Compiled(NamedTuple):
    """A statement as a driver takes it: its text, its parameters in order, its constants.

    `planned_once` is whether it was marked so.
    """

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    planned_once: bool

    def in_order(self, values: Mapping[str, Any]) -> list[Any]:
        """Put the values in the order of the text."""
        given = {**self.constants, **values}
        return [given[name] for name in self.names]


def planned_once(statement: E) -> E:
    """Mark what finds its rows by keys: one plan is good for all values.

    PostgreSQL would plan some of these for each of their values, because it counts rows that a
    better known value might spare, and hardly counts the planning: ten times as long as the rest.
    """
    marked: E = statement.execution_options(planned_once=True)
    return marked


class one_of(ColumnElement[Any]):  # noqa: N801 - reads as SQL does, like SQLAlchemy's own
    """`column IN (the members of a list parameter)`: one text, however long the list."""

    inherit_cache = False
    # A boolean would be compiled to `… = 1`, which no index can serve.
    type = NullType()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.listed: BindParameter[Any] = bindparam(name)


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    listed = compiler.process(element.listed, **options)
    return f"{column} IN (SELECT value FROM json_each({listed}))"  # noqa: S608 - compiled parts


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"{column} = ANY ({compiler.process(element.listed, **options)})"


class Pairs(list[tuple[Any, Any]]):
    """The value of a `pair_of` parameter. SQLite is given it as one JSON text, as any list."""

    @property
    def apart(self) -> tuple[list[Any], list[Any]]:
        """All first members, and all second ones, as PostgreSQL is given them."""
        return [a for a, _ in self], [b for _, b in self]


class pair_of(ColumnElement[Any]):  # noqa: N801 - reads as SQL does, like SQLAlchemy's own
    """`(a, b) IN (the pairs of a parameter that is a Pairs)`: one text, however many."""

    inherit_cache = False
    # A boolean would be compiled to `… = 1`, which no index can serve.
    type = NullType()

    def __init__(self, a: ColumnElement[Any], b: ColumnElement[Any], name: str) -> None:
        self.columns_ = (a, b)
        self.listed: BindParameter[Any] = bindparam(name)
        self.apart: list[BindParameter[Any]] = [bindparam(part) for part in parts_of(name)]


def parts_of(name: str) -> tuple[str, str]:
    """Name the two parameters that a `pair_of` parameter is on PostgreSQL."""
    return f"{name}_first", f"{name}_second"


@compiles(pair_of, "sqlite")
def _pair_of_sqlite(element: pair_of, compiler: SQLCompiler, **options: Any) -> str:
    a, b = (compiler.process(column, **options) for column in element.columns_)
    listed = compiler.process(element.listed, **options)
    pairs = (
        f"SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each({listed})"  # noqa: S608 - compiled parts
    )
    return f"({a}, {b}) IN ({pairs})"


@compiles(pair_of, "postgresql")
def _pair_of_postgresql(element: pair_of, compiler: SQLCompiler, **options: Any) -> str:
    a, b = (compiler.process(column, **options) for column in element.columns_)
    # Of JSON it would expect a hundred pairs, whatever comes, and rather read the whole table.
    first, second = (f"{compiler.process(part, **options)}::bigint[]" for part in element.apart)
    return f"({a}, {b}) IN (SELECT * FROM unnest({first}, {second}))"  # noqa: S608 - compiled parts


class in_bytes(GenericFunction[bytes]):  # noqa: N801 - reads as SQL does
    """A text as the bytes of its UTF-8: for who would only encode it again."""

    inherit_cache = True


@compiles(in_bytes, "sqlite")
def _in_bytes_sqlite(element: in_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(in_bytes, "postgresql")
def _in_bytes_postgresql(element: in_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"convert_to({compiler.process(element.clauses, **options)}, 'UTF8')"


class if_text(GenericFunction[str]):  # noqa: N801 - reads as SQL does
    """A text, or NULL for what is none: SQLite keeps in a column whatever it was given."""

    inherit_cache = True


@compiles(if_text, "sqlite")
def _if_text_sqlite(element: if_text, compiler: SQLCompiler, **options: Any) -> str:
    value = compiler.process(element.clauses, **options)
    return f"CASE typeof({value}) WHEN 'text' THEN {value} END"


@compiles(if_text, "postgresql")
def _if_text_postgresql(element: if_text, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


class least(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """The smaller of two values. On SQLite, `min` of several is no aggregate."""

    inherit_cache = True


class greatest(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """The larger of two values."""

    inherit_cache = True


@compiles(least, "sqlite")
def _least(element: least, compiler: SQLCompiler, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


@compiles(greatest, "sqlite")
def _greatest(element: greatest, compiler: SQLCompiler, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@lru_cache(maxsize=1024)
def compiled(
    statement: Executable, dialect: Dialect = SQLITE, schema: str | None = None
) -> Compiled:
    """Compile a statement for an engine's driver, once. Its tables are in `schema`."""
    result = statement.compile(  # type: ignore[attr-defined]
        dialect=dialect,
        schema_translate_map={None: schema} if schema else None,
        render_schema_translate=bool(schema),
    )
    required = {name for name, value in result.params.items() if value is None}
    constants = {name: value for name, value in result.params.items() if name not in required}
    once = bool(statement.get_execution_options().get("planned_once"))
    return Compiled(str(result), tuple(result.positiontup or ()), constants, once)


def as_json(value: list[Any]) -> str:
    """Spell a list as the one parameter that SQL takes apart again."""
    return to_json(value).decode()


def insertion(table: Table) -> str:
    """Return the text that inserts rows given in the order of the table's columns (SQLite)."""
    columns = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'  # noqa: S608 - our names


def upsert(table: Table) -> Any:
    """Return an INSERT that may say what happens when the key is there."""
    # PostgreSQL's spelling is understood by both; SQLite's own is not.
    return insert(table)


def create_statements(
    metadata: MetaData, dialect: Dialect, schema: str | None = None, *, indexes: bool = True
) -> list[str]:
    """Return the DDL of these tables, without their secondary indexes if so asked.

    With it comes what `metadata.info["triggers"]` has for the engine.
    """
    triggers = metadata.info.get("triggers", {}).get(dialect.name, ())
    return [
        *(
            _ddl(CreateTable(table, if_not_exists=True), dialect, schema)
            for table in metadata.sorted_tables
        ),
        *(index_statements(metadata.sorted_tables, dialect, schema) if indexes else ()),
        *(trigger.format(schema=schema) for trigger in triggers),
    ]


def index_statements(
    tables: Iterable[Table], dialect: Dialect, schema: str | None = None
) -> list[str]:
    """Return the DDL of the secondary indexes of these tables."""
    return [
        statement
        for table in tables
        for statement in (
            *(
                _ddl(CreateIndex(index, if_not_exists=True), dialect, schema)
                for index in sorted(table.indexes, key=lambda index: str(index.name))
            ),
            *full_text_statements(table, dialect, schema),
        )
    ]


def _ddl(element: ExecutableDDLElement, dialect: Dialect, schema: str | None) -> str:
    compiled_ddl = element.compile(
        dialect=dialect,
        schema_translate_map={None: schema} if schema else None,
        render_schema_translate=bool(schema),
    )
    return str(compiled_ddl).strip()
