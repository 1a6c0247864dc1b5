"""The report: what its charts are drawn from, and that they say it in words too."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from projections.errors import DamagedExport, ExportUnfit, NoSuchExport
from projections.export.manifest import Complete, Manifest, Part
from projections.export.names import COMPLETE, PartName
from projections.export.report.charts import Bar, Named, bars, heat, together
from projections.export.report.figures import figures, query
from projections.export.report.scales import duration, durations, thinned, ticks
from projections.export.report.write import TABLES, report
from projections.export.target import Target
from projections.export.wanted import Wanted
from tests.described.analytics import ANALYTICS, QUERY
from tests.invented import written
from tests.pages import Element, check_it_is_by_itself, page

NAMES: Final = (
    "messages-per-month",
    "edit-rate",
    "response-times",
    "reaction-heat",
    "members-over-time",
)
HOSTILE: Final = "<script>alert(1)</script> & \u202eevil\x07"
CHART: Final = Named("chart", "A chart", "About it")


@pytest.mark.parametrize("name", NAMES)
def test_its_queries_are_those_of_the_page(name: str) -> None:
    asked = {match["name"]: match["asked"] for match in QUERY.finditer(ANALYTICS.read_text())}

    assert query(name) == asked[name]


def exported(folder: Path, **wanted: Any) -> Path:
    """Write an export with invented rows, whole."""
    written(folder)
    asked: dict[str, Any] = {"portal": "acme", "format": "parquet", "tables": TABLES}
    manifest = Manifest(
        installation="here",
        wanted=Wanted(**(asked | wanted)),
        position=9,
        head=9,
        fingerprint="",
        created_at=1_789_370_100_000_000,
        tables={},
    )
    target = Target(str(folder))
    with target.writing("manifest.json") as file:
        file.write(manifest.spelled())
    parts = tuple(
        Part(path=str(path.relative_to(folder)), table=name, rows=1, bytes=1, sha256="")
        for name in TABLES
        for path in sorted(folder.glob(f"table={name}/*/*/*"))
    )
    rows: dict[PartName, int] = {"messages": 400, "chats": 5, "users": 7}
    with target.writing(COMPLETE) as file:
        file.write(Complete(position=9, rows=rows, parts=parts).spelled())
    return folder


def section(read: Element, name: str) -> Element:
    return read.one("section", **{"aria-labelledby": name})


def test_it_is_one_page_by_itself_with_five_charts(tmp_path: Path) -> None:
    read = page(report(exported(tmp_path / "it's"), "acme", "UTC"))

    check_it_is_by_itself(read)
    pictures = read.all("svg", role="img")
    assert len(pictures) == 5
    for each in pictures:
        named = each.attributes["aria-labelledby"].split()
        words = [found.text for name in named for found in each.within() if _is(found, name)]
        assert len(words) == 2
        assert all(words)
    assert "400 messages, 5 chats and 7 users" in read.one("header").text
    assert "at 2026-09-14 07:15:00 UTC" in read.one("header").text


def _is(element: Element, name: str) -> bool:
    return element.attributes.get("id") == name


def test_each_chart_says_what_it_shows_and_what_is_not_known(tmp_path: Path) -> None:
    read = page(report(exported(tmp_path / "out"), "acme", "UTC"))

    months = section(read, "messages-per-month")
    assert "362 messages in 2 months; the most, 200, in 2026-10" in months.text
    assert "Not counted: 38 messages whose posting nobody saw" in months.text
    edits = section(read, "edit-rate")
    assert "Of 320 messages, 142 were edited (44.4 %)" in edits.text
    assert "person 1: 22 of 40" in edits.one("svg").text
    assert "<script>person 6</script>: 21 of 39" in edits.one("svg").text
    assert "<script>person 6</script>" in edits.one("table").text
    answers = section(read, "response-times")
    assert "Shown are the 15 of 40 people in a chat who answered most" in answers.text
    assert "25 more are not shown here" in answers.text
    assert "Not counted: 40 reactions" in section(read, "reaction-heat").text
    assert "counted since they were seen first" in section(read, "members-over-time").text


def test_hours_are_those_of_the_zone(tmp_path: Path) -> None:
    folder = exported(tmp_path / "out")

    said = {
        zone: section(page(report(folder, "acme", zone)), "reaction-heat").text
        for zone in ("UTC", "Asia/Tokyo")
    }

    assert "on Thursdays between 1:00 and 2:00. Hours are those of UTC" in said["UTC"]
    assert "on Thursdays between 10:00 and 11:00. Hours are those of Asia" in said["Asia/Tokyo"]


def test_an_empty_portal_says_so_instead_of_drawing_nothing() -> None:
    def ask(asked: str) -> Sequence[tuple[Any, ...]]:
        return [(0,)] if asked.startswith("SELECT count(*)") else []

    found = figures(ask, "UTC")

    assert [each.name for each in found] == [*NAMES]
    assert all(each.picture is None for each in found)
    assert [each.says.split()[0] for each in found] == ["No", "No", "Nobody", "No", "Nobody"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"portal": "other"}, "it is of other"),
        ({"from_position": 3}, "it is an increment"),
        ({"format": "csv"}, "it is csv, and must be parquet"),
        ({"tables": ("messages", "chats")}, "it is without reactions, members, users"),
    ],
)
def test_an_export_of_something_else_is_refused(
    tmp_path: Path, wanted: Mapping[str, Any], says: str
) -> None:
    folder = exported(tmp_path / "out", **wanted)

    with pytest.raises(ExportUnfit, match=re.escape(says)):
        report(folder, "acme", "UTC")


@pytest.mark.parametrize("harm", ["gone", "cut off"])
def test_an_export_that_is_damaged_is_refused(tmp_path: Path, harm: str) -> None:
    folder = exported(tmp_path / "out")
    file = next(folder.glob("table=messages/**/*.parquet"))
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(DamagedExport, match="out: DuckDB cannot read its files"):
        report(folder, "acme", "UTC")


def test_of_days_without_end_as_many_are_drawn_as_there_is_room_for() -> None:
    days = [(f"day {number}", number, 1, number) for number in range(100_000)]

    def ask(asked: str) -> Sequence[tuple[Any, ...]]:
        if asked == query("members-over-time"):
            return days
        return [(0,)] if asked.startswith("SELECT count(*)") else []

    found = figures(ask, "UTC")

    picture = str(next(each.picture for each in found if each.name == "members-over-time"))
    assert len(picture) < 100_000
    assert "day 99999, people: 99,999" in picture


def test_an_export_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    folder = exported(tmp_path / "out")
    (folder / COMPLETE).unlink()

    with pytest.raises(NoSuchExport):
        report(folder, "acme", "UTC")
    with pytest.raises(NoSuchExport):
        report(tmp_path / "nowhere", "acme", "UTC")


def test_hostile_names_are_words_by_themselves() -> None:
    drawn = str(bars(CHART, [Bar(HOSTILE, 3, "3 of 4")], "percent"))

    assert "<script" not in drawn
    assert "\x07" not in drawn
    assert "\u2068&lt;script&gt;alert(1)&lt;/script&gt; &amp; \u202eev" in drawn
    assert re.search("\u202e[^\u2068]*\u2069</text>", drawn)  # what turned around ends


def test_bars_are_as_long_as_their_numbers() -> None:
    drawn = str(bars(CHART, [Bar("a", 40, "40"), Bar("b", 10, "10"), Bar("c", 0, "0")], "percent"))

    long, short, none = map(float, re.findall(r'<rect class="s0"[^>]* width="([\d.]+)"', drawn))
    assert long == pytest.approx(4 * short, rel=0.01)
    assert none == 1  # to be seen at all


def test_a_week_has_a_box_for_each_hour_and_a_number_where_there_is_one() -> None:
    drawn = str(heat(CHART, {(1, 7): 3, (7, 23): 12_345}))

    assert drawn.count("<rect") == 7 * 24
    assert [drawn.count(f'<rect class="h{shade}"') for shade in range(5)] == [166, 1, 0, 0, 1]
    assert "Mon 7:00 to 8:00: 3<" in drawn
    assert "Sun 23:00 to 24:00: 12,345<" in drawn
    assert "\u206812k\u2069" in drawn


def test_the_smallest_series_are_put_together() -> None:
    series = {str(number): [number, number] for number in range(1, 9)}

    found = together(series)

    assert list(found) == ["8", "7", "6", "5", "4", "3 others"]
    assert found["3 others"] == [6, 6]
    assert list(together({"a": [1], "b": [2]})) == ["b", "a"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (20, [0, 5, 10, 15, 20]),
        (57.1, [0, 20, 40, 60]),
        (0.4, [0, 0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_axes_are_ticked_at_round_numbers(most: float, expected: list[float]) -> None:
    assert ticks(most) == pytest.approx(expected)


def test_durations_are_told_by_their_two_largest_units() -> None:
    told = [duration(each) for each in (0, 59, 60, 135, 3_600, 86_400, 270_000, 8_640_000)]

    assert told == ["0 s", "59 s", "1 min", "2 min 15 s", "1 h", "1 day", "3 days 3 h", "100 days"]
    assert durations(4, 596) == [1, 10, 60, 600]
    assert durations(5, 5) == [1, 10]


def test_labels_are_left_out_where_there_is_no_room() -> None:
    assert thinned(["a", "b", "c", "d", "e"], 2) == ["a", "", "", "d", ""]
    assert thinned(["a", "b"], 2) == ["a", "b"]
