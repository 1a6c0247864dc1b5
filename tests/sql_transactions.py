"""On the ingest path, a transaction has to do with one portal: told by the values that it had."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pglast import ast, parse_sql
from pglast.enums import TransactionStmtKind
from pglast.stream import RawStream

from tests.postgresql.heard import Statement
from tests.sql_portals import PORTAL, QUERIES, Portals, is_a, walk

_LOG: Final = frozenset({"event", "log_head"})

_BEGIN: Final = (TransactionStmtKind.TRANS_STMT_BEGIN, TransactionStmtKind.TRANS_STMT_START)
_END: Final = (TransactionStmtKind.TRANS_STMT_COMMIT, TransactionStmtKind.TRANS_STMT_ROLLBACK)


class _Step(NamedTuple):
    """What a statement has to do with transactions, with the log and with portals."""

    begins: bool
    ends: bool
    appends: bool
    makes: bool
    """Whether it makes a table."""
    portals: frozenset[str]
    """What stands in it for a portal: a parameter or a number."""


Transaction = list[tuple[_Step, Statement]]
"""What was said between BEGIN and COMMIT."""


def appending_to_several(statements: Iterable[Statement]) -> list[str]:
    """Return the transactions of the ingest path that have to do with more than one portal."""
    found = []
    for transaction in filter(_appends, transactions(statements)):
        portals = {_value(name, said.values) for step, said in transaction for name in step.portals}
        if len(portals) > 1:
            texts = "".join(f"\n    in {' '.join(said.text.split())}" for _, said in transaction)
            found.append(f"portals {', '.join(sorted(portals))} in one transaction{texts}")
    return found


def transactions(statements: Iterable[Statement]) -> Iterator[Transaction]:
    """Group what the sessions of a server said; a statement without BEGIN is a transaction too."""
    begun: dict[str, Transaction] = {}
    for said in statements:
        for step in _steps(said.text):
            if step.begins:
                begun[said.session] = []
            elif step.ends:
                yield begun.pop(said.session, [])
            elif said.session in begun:
                begun[said.session].append((step, said))
            else:
                yield [(step, said)]
    yield from begun.values()  # cut off


def _appends(transaction: Transaction) -> bool:
    # What makes the tables of the log fills them from a backup, with all portals or with none.
    steps = [step for step, _ in transaction]
    return any(step.appends for step in steps) and not any(step.makes for step in steps)


def _value(name: str, values: Sequence[str]) -> str:
    return values[int(name[1:]) - 1] if name.startswith("$") else name


@lru_cache(maxsize=4096)
def _steps(text: str) -> tuple[_Step, ...]:
    return tuple(_step(each.stmt) for each in parse_sql(text))


def _step(parsed: Any) -> _Step:
    kind = parsed.kind if is_a(parsed, ast.TransactionStmt) else None
    return _Step(
        begins=kind in _BEGIN,
        ends=kind in _END,
        appends=_writes(parsed),
        makes=is_a(parsed, ast.CreateStmt),
        portals=frozenset(_portals(parsed)),
    )


def _writes(parsed: Any) -> bool:
    """Whether a statement writes to the log, or locks what it is about to write."""
    if is_a(parsed, ast.SelectStmt):
        return bool(parsed.lockingClause) and _is_of_the_log(parsed.fromClause)
    if is_a(parsed, ast.CopyStmt):
        return bool(parsed.is_from) and _is_of_the_log(parsed.relation)
    return is_a(parsed, *QUERIES) and _is_of_the_log(parsed.relation)


def _is_of_the_log(sources: Any) -> bool:
    return any(is_a(node, ast.RangeVar) and node.relname in _LOG for node in walk(sources))


def _portals(parsed: Any) -> Iterator[str]:
    portals = Portals((), across=False)
    for node in walk(parsed, *QUERIES):
        if is_a(node, *QUERIES):
            portals.read(node)
    yield from portals.named
    yield from (RawStream()(value) for value in _inserted(parsed))


def _inserted(parsed: Any) -> Iterator[Any]:
    """Give what stands for the portal in the rows of an INSERT."""
    if not is_a(parsed, ast.InsertStmt) or not is_a(parsed.selectStmt, ast.SelectStmt):
        return
    columns = [each.name for each in parsed.cols or ()]
    if PORTAL in columns:
        for row in parsed.selectStmt.valuesLists or ():
            value = row[columns.index(PORTAL)]
            yield value.arg if is_a(value, ast.TypeCast) else value
