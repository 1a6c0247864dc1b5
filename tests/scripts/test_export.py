"""`chronicle export`: a portal's history as files for other tools."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic_core import to_json

from projections.export import tables as export_tables
from tests import samples
from tests.engines import on_sqlite
from tests.projections.export.made import made
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


@on_sqlite
def test_csv_and_jsonl_say_what_parquet_says(told: Command, tmp_path: Path) -> None:
    """The files hardly know of the engine."""
    for form in ("parquet", "csv", "jsonl"):
        asked = ("--portal", "acme", "--to", tmp_path / form, "--format", form)
        assert told("export", *asked, "--no-formula-guard").status == 0
    for name, table in export_tables.TABLES.items():
        words = [
            each.name
            for each in table.columns
            if each.type in (pa.int64(), pa.int32(), pa.string())
        ]
        files = {form: f"{tmp_path}/{form}/table={name}/**/*.{form}" for form in ("csv", "jsonl")}
        parquet = f"read_parquet('{tmp_path}/parquet/table={name}/**/*.parquet')"
        as_written = "all_varchar = true, nullstr = '', allow_quoted_nulls = false"
        csv = f"read_csv('{files['csv']}', {as_written})"
        types = ", ".join(f"'{word}': 'VARCHAR'" for word in words)
        jsonl = f"read_ndjson('{files['jsonl']}', columns = {{{types}}})"

        expected = in_words(words, parquet)
        assert expected
        assert in_words(words, csv) == expected
        assert in_words(words, jsonl) == expected

        frames = (
            pd.concat(map(pd.read_csv, tmp_path.glob(f"csv/table={name}/*/*/*.csv"))),
            pl.concat(map(pl.read_ndjson, tmp_path.glob(f"jsonl/table={name}/*/*/*.jsonl"))),
        )
        for frame in frames:
            keys = sorted(str(each) for each in frame[table.key[0]])
            assert keys == sorted(str(row[words.index(table.key[0])]) for row in expected)


def in_words(columns: Sequence[str], source: str) -> list[tuple[str | None, ...]]:
    spelled = ", ".join(f'"{column}"::VARCHAR' for column in columns)
    return duckdb.sql(f"SELECT {spelled} FROM {source} ORDER BY ALL").fetchall()  # noqa: S608


def test_the_same_question_in_another_order_is_no_other(told: Command, tmp_path: Path) -> None:
    words = "export", "--portal", "acme", "--to", tmp_path / "out"
    first = told(*words, "--tables", "users,chats", "--chat", "2207", "--chat", "2260", "--json")

    again = told(
        *words, "--tables", "chats,users", *["--chat", "2260", "--chat", "2207"] * 2, "--json"
    )

    assert again.json == first.json
    assert "was whole already, of position" in again.err
    assert first.err == ""


def test_increments_are_merged_with_what_was_before(told: Command, tmp_path: Path) -> None:
    portal = ("export", "--portal", "acme", "--jobs", "1", "--to")
    position = told(*portal, tmp_path / "all" / "0", "--json").json["position"]
    nothing = told(*portal, tmp_path / "all" / "1", "--from-position", position + 1, "--json")
    assert not any(nothing.json["rows"].values())

    merged = told("export", "--merge", tmp_path / "all", "--to", tmp_path / "merged", "--json")

    whole = told(*portal, tmp_path / "whole", "--json")
    assert merged.json["rows"] == whole.json["rows"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--merge", "a", "--portal", "acme", "--format", "csv"], "decided --format, --portal"),
        (["--merge", "s3://bucket/a"], "s3:/bucket/a is no folder of this machine"),
        ([], "which one is to be exported?"),
    ],
)
def test_what_merging_does_not_take_is_wrong_usage(
    anywhere: Command, tmp_path: Path, options: list[str], said: str
) -> None:
    ran = anywhere("export", *options, "--to", tmp_path / "out")

    assert ran.status == 2
    assert said in " ".join(ran.err.split())
    assert not (tmp_path / "out").exists()


def test_without_a_name_nothing_is_merged_into_the_folder_one_is_in(
    anywhere: Command, tmp_path: Path
) -> None:
    ran = anywhere("export", "--merge", made(tmp_path / "a", {"users": []}, position=1), "--to", "")

    assert ran.status == 2
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_merged_is_said_in_one_line(anywhere: Command, tmp_path: Path) -> None:
    ran = anywhere("export", "--merge", tmp_path, "--to", tmp_path / "out")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "no whole export is there" in ran.err
