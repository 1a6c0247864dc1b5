"""The rules that keep each portal apart, so that portals can be spread over machines one day.

`portal_id` comes first in every key, index and window; a statement reads the rows of one portal,
unless it is listed as one that reads all; nothing is locked but rows.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

from pglast import ast, fingerprint, parse_plpgsql, parse_sql
from pglast.enums import ConstrType
from pglast.parser import ParseError
from pglast.stream import RawStream

from tests.sql_portals import PORTAL, QUERIES, Portals, Scope, is_a, walk

_ADVISORY: Final = re.compile(r"pg_(try_)?advisory_")

_WORDED: Final = frozenset({"message_words_found"})
"""Indexes of words that have their portal in front."""

_EXECUTE: Final = re.compile(r"\bexecute\b", re.IGNORECASE)

_TRIGGERED: Final = Scope(bound=frozenset({"new", "old"}))
"""What a function of a trigger sees: a row, which is of one portal."""


class Rules(NamedTuple):
    """What the rules make an exception of."""

    unscoped: frozenset[str] = frozenset(
        {
            *("installation", "portal", "generation", "made_by"),
            *("token", "token_limit", "token_chat", "token_use"),
        }
    )
    """Tables whose rows have no portal."""
    across: frozenset[str] = frozenset()
    """Statements that may read the rows of all portals, in whatever schema."""
    locking: frozenset[str] = frozenset()
    """Statements that may lock more than rows, since no promise rests on that lock."""


def violations(sql: str, rules: Rules = Rules()) -> list[str]:  # noqa: B008 - immutable
    """Return what of a statement, or of several, breaks a rule: a table or a function, and why."""
    return list(_violations(sql, rules, Scope()))


def check_all(texts: Iterable[str], rules: Rules) -> list[str]:
    """Return what of many statements breaks a rule, each with its text."""
    return [
        f"{violation}\n    in {' '.join(text.split())}"
        for text in sorted(set(texts))
        for violation in violations(text, rules)
    ]


def unneeded(texts: Iterable[str], rules: Rules) -> list[str]:
    """Return the exceptions that are of none of all statements that there are."""
    seen = set(map(_form, set(texts)))
    listed = sorted(rules.across | rules.locking)
    return [f"no such statement:\n    {text}" for text in listed if _form(text) not in seen]


def _violations(sql: str, rules: Rules, scope: Scope) -> Iterator[str]:
    try:
        statements = [each.stmt for each in parse_sql(sql)]
    except ParseError as error:
        yield f"not to be parsed: {error}"
        return
    across = _is_one_of(sql, rules.across)
    allowed = _LOCKS if _is_one_of(sql, rules.locking) else frozenset()
    for statement in statements:
        portals = Portals(rules.unscoped, across=across)
        for node in walk(statement, *QUERIES):
            if is_a(node, *QUERIES):
                portals.read(node, scope)
        yield from portals.violations
        if len(portals.named) > 1:
            yield f"several portals: {', '.join(sorted(portals.named))}"
        for node in walk(statement):
            if type(node) not in allowed and (check := _CHECKS.get(type(node))):
                yield from check(node, portals)
        for query in _queries_of_code(statement):
            yield from _violations(query, rules, _TRIGGERED)


def _is_one_of(sql: str, listed: frozenset[str]) -> bool:
    return _form(sql) in map(_form, listed)


@lru_cache(maxsize=4096)
def _form(sql: str) -> str:
    """Return what a statement has in common with itself in other schemas and other spacing."""
    try:
        return str(fingerprint(sql))
    except ParseError:
        return ""


def _of_call(node: Any, portals: Portals) -> Iterator[str]:
    name = node.funcname[-1].sval
    if _ADVISORY.match(name):
        yield f"{name}: an advisory lock"


def _of_whole_tables(node: Any, portals: Portals) -> Iterator[str]:
    for table in filter(portals.has_portals, node.relations):
        yield f"{table.relname}: held for all portals"


def _of_copy(node: Any, portals: Portals) -> Iterator[str]:
    if node.relation is None or not portals.has_portals(node.relation):
        return
    if not node.is_from:
        yield f"{node.relation.relname}: copied for all portals"
    elif node.attlist and PORTAL not in _words(node.attlist):
        yield f"{node.relation.relname}: written without {PORTAL}"


def _of_insert(node: Any, portals: Portals) -> Iterator[str]:
    if not portals.has_portals(node.relation):
        return
    if PORTAL not in (each.name for each in node.cols or ()):
        yield f"{node.relation.relname}: written without {PORTAL}"
    conflict = node.onConflictClause
    if conflict and conflict.infer and conflict.infer.indexElems:
        yield from _first(node, "ON CONFLICT", (each.name for each in conflict.infer.indexElems))


def _of_index(node: Any, portals: Portals) -> Iterator[str]:
    if portals.has_portals(node.relation) and node.idxname not in _WORDED:
        yield from _first(node, "index", (each.name for each in node.indexParams))


def _of_table(node: Any, portals: Portals) -> Iterator[str]:
    if not portals.has_portals(node.relation):
        return
    elements = node.tableElts or ()
    columns = [each.colname for each in elements if is_a(each, ast.ColumnDef)]
    if columns and PORTAL not in columns:
        yield f"{node.relation.relname}: no column {PORTAL}"
    for element in elements:
        yield from _of_element(node, element)
    if node.partspec:
        names = (each.name for each in node.partspec.partParams)
        yield from _first(node, "partition", names)


def _of_change(node: Any, portals: Portals) -> Iterator[str]:
    if portals.has_portals(node.relation):
        for command in node.cmds:
            yield from _of_element(node, command.def_)


def _of_element(node: Any, element: Any) -> Iterator[str]:
    """Check a column with its constraints, or a constraint, of a table made or altered."""
    if is_a(element, ast.ColumnDef):
        for constraint in element.constraints or ():
            yield from _of_constraint(node, constraint, [element.colname])
    elif is_a(element, ast.Constraint):
        yield from _of_constraint(node, element, [])


def _of_constraint(node: Any, constraint: Any, column: list[str]) -> Iterator[str]:
    match constraint.contype:
        case ConstrType.CONSTR_PRIMARY:
            yield from _first(node, "primary key", _words(constraint.keys) or column)
        case ConstrType.CONSTR_UNIQUE:
            yield from _first(node, "unique", _words(constraint.keys) or column)
        case ConstrType.CONSTR_FOREIGN:
            yield from _first(node, "foreign key", _words(constraint.fk_attrs) or column)
        case ConstrType.CONSTR_EXCLUSION:
            names = (element.name for element, _ in constraint.exclusions)
            yield from _first(node, "exclusion", names)
        case _:
            pass


def _first(node: Any, kind: str, names: Iterable[str | None]) -> Iterator[str]:
    if next(iter(names), None) != PORTAL:
        yield f"{node.relation.relname}: {kind} does not begin with {PORTAL}"


def _words(strings: Any) -> list[str]:
    return [each.sval for each in strings or ()]


def _of_code(node: Any, portals: Portals) -> Iterator[str]:
    if _EXECUTE.search(_Code.of(node).body):
        yield "EXECUTE: a text that is not to be checked"


_CHECKS: Final[Mapping[type[ast.Node], Callable[[Any, Portals], Iterator[str]]]] = {
    ast.AlterTableStmt: _of_change,
    ast.CopyStmt: _of_copy,
    ast.CreateFunctionStmt: _of_code,
    ast.CreateStmt: _of_table,
    ast.DoStmt: _of_code,
    ast.FuncCall: _of_call,
    ast.IndexStmt: _of_index,
    ast.InsertStmt: _of_insert,
    ast.LockStmt: _of_whole_tables,
    ast.TruncateStmt: _of_whole_tables,
}


_LOCKS: Final = frozenset({ast.FuncCall, ast.LockStmt})
"""What a check finds that a listed statement may do."""


class _Code(NamedTuple):
    """A function, or a block of code."""

    language: str
    body: str

    @classmethod
    def of(cls, node: Any) -> Self:
        options = node.args if is_a(node, ast.DoStmt) else node.options
        by_name = {each.defname: each.arg for each in options}
        language = by_name["language"].sval if "language" in by_name else "plpgsql"
        body = by_name.get("as")  # none if it is written in the statement itself
        body = body[0] if isinstance(body, tuple) else body
        return cls(language, body.sval if body else "")


def _queries_of_code(statement: Any) -> Iterator[str]:
    if not is_a(statement, ast.CreateFunctionStmt, ast.DoStmt):
        return
    code = _Code.of(statement)
    if code.language == "plpgsql":
        yield from _queries_of_plpgsql(parse_plpgsql(RawStream()(statement)))
    elif code.language == "sql" and code.body:
        yield code.body


def _queries_of_plpgsql(tree: Any) -> Iterator[str]:
    match tree:
        case {"PLpgSQL_expr": {"query": str(query), "parseMode": int(mode)}}:
            # 0 is a statement, 2 an expression, and more an assignment
            value = re.sub(r"^[^:=]*:?=", "", query) if mode > 2 else query
            yield f"SELECT {value}" if mode else value
        case dict():
            for each in tree.values():
                yield from _queries_of_plpgsql(each)
        case list():
            for each in tree:
                yield from _queries_of_plpgsql(each)
        case _:
            pass
