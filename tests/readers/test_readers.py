"""DuckDB, Polars, pandas and Spark read an export, each with the same rows."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

from projections.export.names import TABLE_NAMES
from tests.invented import written
from tests.readers.sums import Sum, summed

ROOT: Final = Path(__file__).parents[2]
SPARK: Final = ROOT / ".venv-spark" / "bin" / "python"
FOLDERS: Final = ("table", "portal", "month")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers") / "history"
    written(folder)
    return folder


def by_arrow(files: Path) -> pa.Table:
    return pyarrow.dataset.dataset(files, partitioning=None).to_table()


def by_duckdb(files: Path) -> pa.Table:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    return database.sql(f"FROM read_parquet('{files}/**/*.parquet')").to_arrow_table()


def by_polars(files: Path) -> pa.Table:
    return pl.read_parquet(files / "**/*.parquet", hive_partitioning=True).to_arrow()


def by_pandas(files: Path) -> pa.Table:
    frame = pd.read_parquet(files, partitioning=None, dtype_backend="pyarrow")
    return pa.Table.from_pandas(frame, preserve_index=False)


def sum_of(table: pa.Table) -> Sum:
    ours = [name for name in table.column_names if name not in FOLDERS]
    return summed(table.select(ours).to_pylist())


@pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pandas])
@pytest.mark.parametrize("name", TABLE_NAMES)
def test_the_same_rows_whoever_reads(
    history: Path, name: str, read: Callable[[Path], pa.Table]
) -> None:
    files = history / f"table={name}"
    expected = sum_of(by_arrow(files))

    assert sum_of(read(files)) == expected
    assert expected.rows > 0 or name == "events"


@pytest.mark.parametrize("read", [by_duckdb, by_polars])
def test_the_folders_are_columns(history: Path, read: Callable[[Path], pa.Table]) -> None:
    found = read(history / "table=messages")

    tables, portals, months = (found[name].to_pylist() for name in FOLDERS)
    posted = found["posted_at"].to_pylist()
    assert set(tables) == {"messages"}
    assert set(portals) == {"acme"}
    assert months == [at and f"{at:%Y-%m}" for at in posted]
    assert None in months


@pytest.mark.spark
def test_spark_reads_the_same_rows(history: Path) -> None:
    """It is installed by `make spark`, and needs Java."""
    done = subprocess.run(
        [SPARK, Path(__file__).with_name("with_spark.py"), history],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == set(TABLE_NAMES)
    for name in TABLE_NAMES:
        assert Sum(*found[name]) == sum_of(by_arrow(history / f"table={name}"))
