"""Statements that run for every event are answered from indexes, however much there is."""

import sqlite3

import pytest
from sqlalchemy.sql.base import Executable

from eventstore.database import compiled, create_statements, index_statements
from eventstore.log import _KNOWN  # the statement itself is what is tested
from eventstore.schema import log_metadata
from projections import refold
from projections.readmodels import READ_MODELS
from projections.tables import metadata

STATEMENTS = {
    "known keys": _KNOWN,
    "facts of messages": refold._FACTS,  # noqa: SLF001
    "joins and leaves": refold._MEMBERS,  # noqa: SLF001
    "presence": refold._PRESENCE,  # noqa: SLF001
    "spans": refold._SPANS,  # noqa: SLF001
    **{
        f"{model.name}, deletion {number}": deletion
        for model in READ_MODELS
        for number, deletion in enumerate(model.deletions)
    },
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_list_of_keys_is_searched_by_index(statement: Executable) -> None:
    connection = sqlite3.connect(":memory:")
    for ddl in (
        *create_statements(log_metadata),
        *create_statements(metadata),
        *index_statements(metadata),
    ):
        connection.execute(ddl)
    prepared = compiled(statement)

    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {prepared.text}", [None] * len(prepared.names)
    ).fetchall()
    connection.close()

    searches = [step[3] for step in plan if step[3].startswith(("SEARCH", "SCAN"))]
    searches = [step for step in searches if "json_each" not in step]
    assert searches
    for step in searches:
        assert step.startswith("SEARCH"), plan
        assert step.count("=?") >= 2, plan
