"""The formats: whatever a row holds, other tools read back what it says."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from projections.export.arrow import table_of
from projections.export.formats import FORMATS
from projections.export.names import FormatName
from projections.export.tables import EVENTS, MESSAGES, ExportTable
from projections.export.wanted import Wanted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_ONE, YEAR_9999 = (
    (at - EPOCH) // timedelta(microseconds=1)
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC))
)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
weird = texts | st.sampled_from(
    [
        "",
        '"',
        '""',
        ",",
        "\r\n",
        "\n",
        "\r",
        "\t=1",
        "'",
        "=1+1",
        "-1",
        "@x",
        "＝1",
        "👍",
        "x" * 70_000,
    ]
)
instants = st.integers(YEAR_ONE, YEAR_9999)


def rows_of_events(values: list[tuple[str | None, int | None]]) -> list[tuple[Any, ...]]:
    return [
        (place, "key", text, "import", "app", None, at, at or 0, text)
        for place, (text, at) in enumerate(values, 1)
    ]


def written(form: FormatName, of: ExportTable, rows: list[tuple[Any, ...]], **how: Any) -> bytes:
    wanted = Wanted(portal="acme", format=form, tables=(of.name,), **how)
    file = io.BytesIO()
    FORMATS[form].write(file, of, table_of(of, rows), wanted)
    return file.getvalue()


def moment(at: int | None) -> datetime | None:
    return None if at is None else EPOCH + timedelta(microseconds=at)


@settings(deadline=None)
@given(st.lists(st.tuples(weird | st.none(), instants | st.none()), max_size=8))
@example([("=1", YEAR_ONE), ("", YEAR_9999), (None, -1)])
def test_every_format_says_the_same_of_any_text_and_time(
    values: list[tuple[str | None, int | None]],
) -> None:
    rows = rows_of_events(values)

    parquet = pyarrow.parquet.read_table(io.BytesIO(written("parquet", EVENTS, rows)))
    jsonl = [json.loads(line) for line in written("jsonl", EVENTS, rows).splitlines()]
    sheet = written("csv", EVENTS, rows, formula_guard=False).decode()
    cells = list(csv.DictReader(io.StringIO(sheet, newline=""), strict=True))

    assert parquet["payload"].to_pylist() == [text for text, _ in values]
    assert parquet["sent_at"].cast(pa.int64()).to_pylist() == [at for _, at in values]
    assert [line["payload"] for line in jsonl] == [text for text, _ in values]
    assert {line["table"] for line in jsonl} <= {"events"}
    assert [cell["payload"] for cell in cells] == [text or "" for text, _ in values]
    for said in ([line["sent_at"] for line in jsonl], [cell["sent_at"] or None for cell in cells]):
        read = [text and datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") for text in said]
        assert read == [moment(at) for _, at in values]


@settings(deadline=None, max_examples=30)
@given(st.lists(weird | st.none(), min_size=1, max_size=5))
def test_in_csv_null_is_nothing_and_an_empty_text_is_quoted(values: list[str | None]) -> None:
    rows = rows_of_events([(text, 0) for text in values])
    sheet = written("csv", EVENTS, rows, formula_guard=False)

    for text, line in zip(values, _records(sheet.decode())[1:], strict=True):
        assert line.endswith(',""') == (text == "")
        assert line.endswith('Z",') == (text is None)


def _records(sheet: str) -> list[str]:
    """The records of a sheet, as they are spelled: they end with CRLF outside quotation marks."""
    records, quoted, begin = [], False, 0
    for place, character in enumerate(sheet):
        quoted ^= character == '"'
        if not quoted and sheet.startswith("\r\n", place):
            records.append(sheet[begin:place])
            begin = place + 2
    assert begin == len(sheet)
    return records


@pytest.mark.parametrize("begin", "=+-@\t\r\n＝＋－＠")
def test_the_guard_keeps_a_text_from_being_a_formula(begin: str) -> None:
    rows = rows_of_events([(f"{begin}1", 0), ("1=1", 0), (None, 0), ("", 0)])

    for guard, expected in ((True, f"'{begin}1"), (False, f"{begin}1")):
        sheet = written("csv", EVENTS, rows, formula_guard=guard).decode()
        cells = list(csv.DictReader(io.StringIO(sheet, newline=""), strict=True))

        assert [cell["payload"] for cell in cells] == [expected, "1=1", "", ""]


@pytest.mark.parametrize("mark", [True, False])
def test_a_byte_order_mark_is_there_if_it_is_asked_for(mark: bool) -> None:  # noqa: FBT001
    said = written("csv", EVENTS, rows_of_events([("a", 0)]), byte_order_mark=mark)

    assert said.startswith(b'\xef\xbb\xbf"position",' if mark else b'"position",')


def test_duckdb_reads_every_format_alike(tmp_path: Path) -> None:
    values = ["", '"', "a,b", "a\r\nb", "=1", "👍" * 3, "x" * 50_000, None]
    rows = rows_of_events([(text, 0) for text in values])
    files: dict[FormatName, str] = {
        form: str(tmp_path / f"events.{form}") for form in ("parquet", "csv", "jsonl")
    }
    for form, path in files.items():
        Path(path).write_bytes(written(form, EVENTS, rows, formula_guard=False))
    read = (
        "FROM read_parquet(?) SELECT payload",
        "FROM read_csv(?, allow_quoted_nulls = false, nullstr = '') SELECT payload",
        "FROM read_ndjson(?) SELECT payload",
    )
    for query, path in zip(read, files.values(), strict=True):
        assert [
            text for (text,) in duckdb.execute(f"{query} ORDER BY position", [path]).fetchall()
        ] == values


def test_parquet_says_what_its_columns_are_and_prunes_by_its_statistics(tmp_path: Path) -> None:
    names = [column.name for column in MESSAGES.columns]
    rows = [
        tuple(
            {"message_id": 1_000 - number, "chat_id": number // 10, "files": "[]"}.get(name)
            for name in names
        )
        for number in range(100)
    ]
    (tmp_path / "file").write_bytes(written("parquet", MESSAGES, rows))

    said = pyarrow.parquet.ParquetFile(tmp_path / "file")
    group = said.metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert said.schema_arrow == MESSAGES.schema
    assert said.schema_arrow.metadata[b"chronicle.table"] == b"messages"
    assert said.schema_arrow.field("text").metadata[b"description"]
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    for name, least, most in (("chat_id", 0, 9), ("message_id", 901, 1_000)):
        assert (columns[name].statistics.min, columns[name].statistics.max) == (least, most)
        assert columns[name].has_offset_index
