"""`chronicle export`: a portal's history as files for other tools."""

from pathlib import Path

import duckdb
import pytest
from pydantic_core import to_json

from tests import samples
from tests.scripts.conftest import Command

TABLES = ("messages", "versions", "reactions", "members", "chats", "users", "events", "changes")


@pytest.fixture
def told(chronicle: Command, acme: str, tmp_path: Path) -> Command:
    """A portal of which some samples are projected."""
    file = tmp_path / "told.ndjson"
    file.write_bytes(b"\n".join(to_json(samples.tree(name)) for name in samples.ITEMS))
    assert chronicle("import", file, "--portal", "acme", "--receiver", "user:58").status == 0
    assert chronicle("rebuild").status == 0
    return chronicle


def test_every_table_is_written_and_other_tools_read_it(told: Command, tmp_path: Path) -> None:
    said = told("export", "--portal", "acme", "--to", tmp_path / "out", "--json").json

    assert list(said["rows"]) == list(TABLES)
    for table, rows in said["rows"].items():
        files = f"{tmp_path}/out/table={table}/**/*.parquet"
        ((found,),) = duckdb.execute(
            "SELECT count(*) FROM read_parquet(?) WHERE portal = 'acme'", [files]
        ).fetchall()
        assert found == rows > 0
