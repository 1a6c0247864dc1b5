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


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_table_without_rows_is_there_with_its_columns(
    chronicle: Command, acme: str, tmp_path: Path, form: str
) -> None:
    assert chronicle("rebuild").status == 0

    asked = ("--portal", "acme", "--to", tmp_path / "out", "--format", form, "--json")
    said = chronicle("export", *asked).json

    assert set(said["rows"].values()) == {0}
    found = {path.parts[-4] for path in tmp_path.glob(f"out/*/*/*/part-00000.{form}")}
    assert found == {f"table={table}" for table in TABLES}
    if form == "parquet":
        reactions = duckdb.sql(f"FROM read_parquet('{tmp_path}/out/table=reactions/**/*.parquet')")
        assert reactions.fetchall() == []
        assert reactions.columns[:3] == ["message_id", "user_id", "code"]
