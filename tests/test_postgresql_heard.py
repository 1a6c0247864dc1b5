"""What a server was told is read from its log as it was said."""

from pathlib import Path

import asyncpg
import pytest

from eventstore.database.postgresql import PostgresServer
from tests.postgresql.heard import heard

FAILING = "SELECT 1 / count(*) FROM pg_class WHERE relname = $1"

pytestmark = pytest.mark.postgresql


async def test_a_statement_is_heard_with_what_it_was_given(
    postgresql_url: str, postgresql_log: Path
) -> None:
    begun = postgresql_log.stat().st_size  # noqa: ASYNC240 - of a file in memory
    connection = await PostgresServer(postgresql_url).connect({})
    many = "SELECT $1::int,\n\t$2::text, $3::text, $4::text"
    try:
        await connection.execute(many, 7, "it's; $9 = '8'\n2026", None, "x" * 99)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.execute(FAILING, "none")
        await connection.execute("SELECT 1;\nSELECT 2")
        await connection.executemany("SELECT $1::int", [[1], [2]])
        async with connection.transaction():
            _ = [row async for row in connection.cursor("SELECT 3 WHERE $1 = 3", 3)]
        await connection.execute("SET application_name = 'a test'")
        await connection.execute("SELECT 'not ours'")
    finally:
        await connection.close()

    name = postgresql_url.rpartition("/")[2]
    said = [each for each in heard(postgresql_log, begun) if each.database == name]
    assert len({each.session for each in said}) == 1
    assert [(each.text, each.values) for each in said] == [
        (many, ("7", "it''s; $9 = ''8''\n2026", "", "x" * 24 + "...")),
        (FAILING, ("none",)),
        ("SELECT 1;\nSELECT 2", ()),
        ("SELECT $1::int", ("1",)),
        ("SELECT $1::int", ("2",)),
        ("BEGIN;", ()),
        ("SELECT 3 WHERE $1 = 3", ("3",)),
        ("COMMIT;", ()),
        ("SET application_name = 'a test'", ()),
    ]
