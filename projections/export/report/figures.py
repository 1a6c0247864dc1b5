"""The five questions of the report: what an export answers, in a sentence, a chart and a table.

The queries are those of docs/analytics.md, word for word: a test compares them.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from projections.export.report.charts import Bar, Named, bars, columns, heat, lines, waits
from projections.export.report.scales import duration, number

_FOLDER: Final = Path(__file__).parent
_MOST: Final = 15
"""Rows of a chart, and of the table beneath it."""

_POINTS: Final = 700
"""Points of a line: there is no room for more, however long ago the first day is said to be."""

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Rows = Sequence[tuple[Any, ...]]
Ask = Callable[[str], Rows]
"""Gives the rows that a query answers."""


class Table(NamedTuple):
    """What stands beneath a picture, spelled; `left_out` rows more were found."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: int


class Figure(NamedTuple):
    """One question, answered. Without a picture there was nothing to draw."""

    name: str
    title: str
    says: str
    unknown: str
    picture: Markup | None
    table: Table


def figures(ask: Ask, zone: str) -> list[Figure]:
    """Answer the five questions; `zone` is where days and hours begin."""
    return [_months(ask), _edits(ask), _answers(ask), _reactions(ask, zone), _members(ask)]


def query(name: str) -> str:
    """Return one of the queries."""
    return (_FOLDER / f"{name}.sql").read_text()


def _months(ask: Ask) -> Figure:
    name, title = "messages-per-month", "How much is written?"
    rows = ask(query(name))
    unknown = sum(row[2] for row in rows if row[0] is None)
    known = [row for row in rows if row[0] is not None]
    months = sorted({row[0] for row in known})
    by_type: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for month, of_type, count, *_ in known:
        by_type[of_type][month] = count
    says, picture = "No message was seen whose month is known.", None
    if known:
        total = {month: sum(row[2] for row in known if row[0] == month) for month in months}
        most = max(months, key=lambda month: total[month])
        says = (
            f"{_count(sum(total.values()), 'message')} in {_count(len(months), 'month')};"
            f" the most, {number(total[most])}, in {most}. Months are those of UTC."
        )
        series = {kind: [each.get(month, 0) for month in months] for kind, each in by_type.items()}
        picture = columns(
            Named(name, "Messages a month, by type of chat", says), months, series, "messages"
        )
    said = _left_out(unknown, "message", "whose posting nobody saw")
    named = ("month", "type of chat", "messages", "chats", "people")
    return Figure(name, title, says, said, picture, _shown(named, rows[-_MOST:], len(rows)))


def _edits(ask: Ask) -> Figure:
    name, title = "edit-rate", "Who edits how often?"
    rows = ask(query(name))
    often = sorted(sorted(rows, key=lambda row: -row[1])[:_MOST], key=lambda row: -row[3])
    about, picture = "No message was seen whose author is known.", None
    if rows:
        written, edited = (sum(row[place] for row in rows) for place in (1, 2))
        says = f"Of {_count(written, 'message')}, {number(edited)} were edited"
        says += f" ({number(round(100 * edited / written, 1))} %)."
        drawn = [Bar(row[0], row[3], f"{number(row[2])} of {number(row[1])}") for row in often]
        about = f"{says} {_those(len(often), len(rows), 'people who wrote most')}"
        picture = bars(Named(name, "Messages that were edited", about), drawn, "percent")
    unknown = "Edits that nobody saw are not counted, so the rates are at least these."
    named = ("person", "messages", "edited", "percent")
    return Figure(name, title, about, unknown, picture, _shown(named, often, len(rows)))


def _answers(ask: Ask) -> Figure:
    name, title = "response-times", "How soon does somebody answer?"
    rows = ask(query(name))
    often = sorted(sorted(rows, key=lambda row: -row[2])[:_MOST], key=lambda row: row[3])
    about, picture = "Nobody was seen to answer.", None
    if rows:
        chat, person, count, seconds = max(rows, key=lambda row: row[2])
        says = (
            f"{_count(sum(row[2] for row in rows), 'answer')}. Most often it was {person} in {chat}"
            f" ({number(count)}), half of the times within {duration(seconds)}."
        )
        drawn = [
            Bar(f"{row[1]}, {row[0]}", row[3], f"{duration(row[3])}, of {number(row[2])}")
            for row in often
        ]
        about = f"{says} {_those(len(often), len(rows), 'people in a chat who answered most')}"
        shown = Named(name, "Median time until somebody answers somebody else", about)
        picture = waits(shown, drawn, "half of the answers came within, of how many")
    unknown = (
        "Messages whose posting nobody saw have no place here; an answer there is not counted."
    )
    named = ("chat", "who answered", "answers", "median seconds")
    return Figure(name, title, about, unknown, picture, _shown(named, often, len(rows)))


def _reactions(ask: Ask, zone: str) -> Figure:
    name, title = "reaction-heat", "When do people react?"
    rows = ask(query(name))
    says, picture = "No reaction was seen whose time is known.", None
    if rows:
        day, hour, count = max(rows, key=lambda row: row[2])
        total = sum(row[2] for row in rows)
        says = (
            f"{_count(total, 'reaction')}, the most of them, {number(count)}, on {_DAYS[day - 1]}s"
            f" between {hour}:00 and {hour + 1}:00. Hours are those of {zone}."
        )
        counts = {(day, hour): count for day, hour, count in rows}
        picture = heat(Named(name, "Reactions by weekday and hour", says), counts)
    ((lost,),) = ask("SELECT count(*) FROM reactions WHERE from_at IS NULL")
    unknown = "A bot's queue tells of no reactions to other people's messages."
    said = _left_out(lost, "reaction", "of which only the removal was seen")
    shown = [(_DAYS[day - 1], f"{hour}:00", count) for day, hour, count in rows]
    most = sorted(shown, key=lambda row: -row[2])[:_MOST]
    named = ("weekday", "hour", "reactions")
    return Figure(
        name, title, says, f"{said} {unknown}".strip(), picture, _shown(named, most, len(rows))
    )


def _members(ask: Ask) -> Figure:
    name, title = "members-over-time", "How many people are in chats?"
    rows = [(str(day), *counts) for day, *counts in ask(query(name))]
    says, picture = "Nobody was seen in a chat.", None
    if rows:
        day, people, chats, memberships = rows[-1]
        says = (
            f"At the end of {day}, {_count(people, 'person', 'people')} were in"
            f" {_count(chats, 'chat')}, as far as anybody told."
        )
        drawn = rows[::-1][:: len(rows) // _POINTS + 1][::-1]  # the last day is one of them
        series: Mapping[str, Sequence[float]] = {
            "people": [row[1] for row in drawn],
            "memberships": [row[3] for row in drawn],
        }
        about = f"{says} Memberships: {number(memberships)}."
        days = [row[0] for row in drawn]
        picture = lines(
            Named(name, "People in chats, and memberships, by day", about), days, series, "number"
        )
    ((unseen,),) = ask("SELECT count(*) FROM members WHERE joined_at IS NULL")
    unknown = (
        "That somebody left need not be told to anybody, so later numbers may be too high."
        f" Of {_count(unseen, 'membership')} nobody saw the beginning: counted since they were seen"
        " first."
    )
    named = ("day", "people", "chats", "memberships")
    return Figure(name, title, says, unknown, picture, _shown(named, rows[-_MOST:], len(rows)))


def _shown(named: Sequence[str], rows: Rows, found: int) -> Table:
    return Table(named, [tuple(map(_cell, row)) for row in rows], found - len(rows))


def _cell(value: Any) -> str:
    if value is None:
        return "not known"
    return number(value) if isinstance(value, int | float) else str(value)


def _count(count: int, one: str, many: str = "") -> str:
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def _those(drawn: int, found: int, who: str) -> str:
    """Say whom a picture shows."""
    return f"Shown are the {drawn} of {found} {who}." if drawn < found else "Everybody is shown."


def _left_out(count: int, noun: str, why: str) -> str:
    return f"Not counted: {_count(count, noun)} {why}." if count else ""
