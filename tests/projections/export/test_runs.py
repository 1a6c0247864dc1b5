"""Rows are parted into files by what they are, however they came."""

from collections.abc import AsyncIterator, Sequence

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from projections.export.runs import in_runs

MOST = 7
ENOUGH = 100

Rows = Sequence[tuple[int, str | None]]


async def runs_of(rows: Rows, ends: Sequence[int]) -> list[list[str | None]]:
    async def tables() -> AsyncIterator[pa.Table]:
        places = sorted({0, *(end % (len(rows) + 1) for end in ends), len(rows)})
        for begin, end in zip(places, [*places[1:], len(rows)], strict=True):
            texts = pa.array([text for _, text in rows[begin:end]], pa.string())
            ids = pa.array([number for number, _ in rows[begin:end]], pa.int64())
            yield pa.table({"id": ids, "text": texts})

    found = in_runs(tables(), most=MOST, enough=ENOUGH)
    return [run["text"].to_pylist() async for run in found]


@given(
    st.lists(st.none() | st.integers(0, 250).map(lambda size: "x" * size), max_size=40),
    st.lists(st.integers(0, 40)),
)
async def test_runs_have_all_rows_and_end_where_they_are_large_enough(
    texts: list[str | None], ends: list[int]
) -> None:
    runs = await runs_of([*enumerate(texts)], ends)

    assert [text for run in runs for text in run] == texts
    assert runs == await runs_of([*enumerate(texts)], [])
    for run in runs:
        assert 0 < len(run) <= MOST
        assert sum(len(text or "") for text in run[:-1]) <= ENOUGH
    for run in runs[:-1]:
        assert len(run) == MOST or sum(len(text or "") for text in run) > ENOUGH
