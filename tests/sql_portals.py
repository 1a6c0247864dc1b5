"""Whether a query keeps to one portal: each table that it reads is bound by `portal_id = …`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType, SetOperation
from pglast.stream import RawStream

PORTAL: Final = "portal_id"

QUERIES: Final = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)

_ENDS: Final = (*QUERIES, ast.RangeSubselect, ast.WithClause)
"""Where a query ends, and others begin."""


def walk(node: Any, *ends: type[ast.Node]) -> Iterator[Any]:
    """Give a node and all below it; of one of the types `ends`, nothing but the node."""
    if isinstance(node, tuple):
        yield from chain.from_iterable(walk(each, *ends) for each in node)
    elif isinstance(node, ast.Node):
        yield node
        if not isinstance(node, ends):
            yield from below(node, *ends)


def below(node: ast.Node, *ends: type[ast.Node]) -> Iterator[Any]:
    """Give all that is below a node, as `walk` does."""
    return chain.from_iterable(walk(getattr(node, name), *ends) for name in node)


def is_a(node: Any, *kinds: type[ast.Node]) -> bool:
    """Whether a node is of one of some kinds; a type checker would ask if each field is there."""
    return isinstance(node, kinds)


class Scope(NamedTuple):
    """The names that stand around a query."""

    bound: frozenset[str] = frozenset()
    """Relations, each of one portal where it stands."""
    common: Mapping[str, bool] = {}
    """Common table expressions, and whether the rows of each are of one portal."""


class Portals:
    """What is found in the queries of one statement."""

    def __init__(self, unscoped: Collection[str], *, across: bool) -> None:
        """Take tables without portals; and whether the statement may read all portals."""
        self.across: Final = across
        self.violations: list[str] = []
        self.named: set[str] = set()
        self._unscoped = unscoped

    def has_portals(self, table: Any) -> bool:
        """Whether the rows of a table are of portals: those of PostgreSQL's own are not."""
        system = table.schemaname == "information_schema" or table.relname.startswith("pg_")
        return not system and table.relname not in self._unscoped

    def read(self, query: Any, scope: Scope = Scope()) -> bool:  # noqa: B008 - immutable
        """Read a query and those in it; return whether its rows are all of one portal."""
        if is_a(query, ast.MergeStmt):
            self.violations.append("MERGE: not understood by this check")
            return False
        for each in query.withClause.ctes if query.withClause else ():
            # What a recursive one reads of itself is of one portal if the rest of it is.
            itself = {each.ctename: True} if query.withClause.recursive else {}
            found = self.read(each.ctequery, scope._replace(common={**scope.common, **itself}))
            scope = scope._replace(common={**scope.common, each.ctename: found})
        if is_a(query, ast.SelectStmt) and query.op != SetOperation.SETOP_NONE:
            return all([self.read(query.larg, scope), self.read(query.rarg, scope)])
        return _Query(self, query, scope).read()


class _Relation(NamedTuple):
    """What a query reads from, by the name that it has there."""

    name: str
    table: str | None
    """The table, if its rows have portals."""
    bound: bool = False
    """Whether its rows are of one portal whatever the query says."""


class _Tie(NamedTuple):
    """A condition: a relation's portal is that of `to`; if that is None, it is named."""

    name: str
    to: str | None


class _Query:
    """One query, without those in it."""

    def __init__(self, portals: Portals, query: Any, scope: Scope) -> None:
        self._portals = portals
        self._query = query
        self._scope = scope
        self._sources = _sources(query)
        tables = list(self._tables())
        self._checked = frozenset(each.name for each in tables if each.table)
        self._relations = [*tables, *self._subqueries()]
        self._names = frozenset(each.name for each in self._relations if each.table or each.bound)

    def read(self) -> bool:
        bound = _bound(self._relations, list(self._ties()))
        unbound = [e.table for e in self._relations if e.table and e.name not in bound]
        if not self._portals.across:
            self._complain(f"{table}: not bound by {PORTAL} = …" for table in unbound)
        if unbound or (self._portals.across and not bound):
            self._complain(
                f"window: not partitioned by {PORTAL} first"
                for window in self._windows()
                if not _is_portal(next(iter(window.partitionClause or ()), None))
            )
        # A table that is not bound is reported where it stands, not where it is spoken of.
        around = self._scope.bound | bound | self._checked | _written(self._query)
        for node in below(self._query, *_ENDS):
            if is_a(node, *QUERIES):
                self._portals.read(node, self._scope._replace(bound=around))
        return bool(bound) and not unbound

    def _complain(self, violations: Iterable[str]) -> None:
        self._portals.violations.extend(violations)

    def _tables(self) -> Iterator[_Relation]:
        for node in walk(self._sources, *_ENDS):
            if is_a(node, ast.RangeVar):
                name = node.alias.aliasname if node.alias else node.relname
                if node.schemaname is None and node.relname in self._scope.common:
                    yield _Relation(name, None, self._scope.common[node.relname])
                elif self._portals.has_portals(node):
                    yield _Relation(name, node.relname)

    def _subqueries(self) -> Iterator[_Relation]:
        beside = self._scope._replace(bound=self._scope.bound | self._checked)
        for node in walk(self._sources, *_ENDS):
            if is_a(node, ast.RangeSubselect):
                found = self._portals.read(node.subquery, beside if node.lateral else self._scope)
                yield _Relation(node.alias.aliasname if node.alias else "", None, found)

    def _windows(self) -> list[Any]:
        windows = list(getattr(self._query, "windowClause", None) or ())
        windows += (
            node.over
            for node in below(self._query, *_ENDS)
            if is_a(node, ast.FuncCall) and node.over and not node.over.name
        )
        # One that refines another has its partitions.
        return [window for window in windows if not window.refname]

    def _ties(self) -> Iterator[_Tie]:
        yield from self._ties_in(getattr(self._query, "whereClause", None), self._names)
        for join in walk(self._sources, *_ENDS):
            if is_a(join, ast.JoinExpr):
                bindable = self._bindable(join)
                yield from self._ties_in(join.quals, bindable)
                if PORTAL in (each.sval for each in join.usingClause or ()):
                    yield from (
                        _Tie(name, to)
                        for name in bindable
                        for to in self._names_in((join.larg, join.rarg)) - {name}
                    )

    def _bindable(self, join: Any) -> frozenset[str]:
        """Return whose rows the condition of a join can leave out."""
        match join.jointype:
            case JoinType.JOIN_INNER:
                return self._names_in((join.larg, join.rarg))
            case JoinType.JOIN_LEFT:
                return self._names_in(join.rarg)
            case JoinType.JOIN_RIGHT:
                return self._names_in(join.larg)
            case _:
                return frozenset()

    def _names_in(self, sources: Any) -> frozenset[str]:
        names = set()
        for node in walk(sources, *_ENDS):
            if is_a(node, ast.RangeVar, ast.RangeSubselect) and node.alias:
                names.add(node.alias.aliasname)
            elif is_a(node, ast.RangeVar):
                names.add(node.relname)
        return self._names & names

    def _ties_in(self, condition: Any, bindable: frozenset[str]) -> Iterator[_Tie]:
        for one, other in _equalities(condition):
            for column, value in ((one, other), (other, one)):
                name = self._relation_of(column)
                if name in bindable:
                    yield from self._ties_to(name, value)

    def _ties_to(self, name: str, value: Any) -> Iterator[_Tie]:
        while is_a(value, ast.TypeCast):
            value = value.arg
        if _is_portal(value):
            to = self._relation_of(value)
            if to in self._names:
                yield _Tie(name, to)
            elif to is not None:
                yield _Tie(name, None)
        elif not any(is_a(node, ast.ColumnRef) for node in walk(value, *_ENDS)):
            self._portals.named.add(RawStream()(value))
            yield _Tie(name, None)

    def _relation_of(self, column: Any) -> str | None:
        """Return whose portal a column is, if it is one, and if that can be told."""
        if not _is_portal(column):
            return None
        if len(column.fields) > 1:
            name = column.fields[-2].sval
            return name if name in self._names | self._scope.bound else None
        return next(iter(self._names)) if len(self._names) == 1 else None


def _bound(relations: list[_Relation], ties: list[_Tie]) -> frozenset[str]:
    bound = {each.name for each in relations if each.bound}
    while more := {tie.name for tie in ties if tie.to is None or tie.to in bound} - bound:
        bound |= more
    return frozenset(bound)


def _sources(query: Any) -> tuple[Any, ...]:
    if is_a(query, ast.SelectStmt):
        return query.fromClause or ()
    if is_a(query, ast.UpdateStmt):
        return (query.relation, *(query.fromClause or ()))
    if is_a(query, ast.DeleteStmt):
        return (query.relation, *(query.usingClause or ()))
    return ()


def _written(query: Any) -> frozenset[str]:
    """Return the names that an INSERT gives to the row that is there and to the one that comes."""
    if not is_a(query, ast.InsertStmt):
        return frozenset()
    return frozenset({query.relation.relname, "excluded"})


def _equalities(condition: Any) -> Iterator[tuple[Any, Any]]:
    """Give the equations that must all hold for a condition to hold."""
    if is_a(condition, ast.BoolExpr) and condition.boolop == BoolExprType.AND_EXPR:
        yield from chain.from_iterable(map(_equalities, condition.args))
    elif (
        is_a(condition, ast.A_Expr)
        and condition.kind == A_Expr_Kind.AEXPR_OP
        and condition.name[-1].sval == "="
    ):
        one, other = condition.lexpr, condition.rexpr
        rows = is_a(one, ast.RowExpr) and is_a(other, ast.RowExpr)
        yield from zip(one.args, other.args, strict=True) if rows else [(one, other)]


def _is_portal(node: Any) -> bool:
    return (
        is_a(node, ast.ColumnRef)
        and is_a(node.fields[-1], ast.String)
        and node.fields[-1].sval == PORTAL
    )
