"""The charts of the report. Each says with numbers and words what it shows with lengths and shades.

Our own, and not a library's: decision 24 has the reasons.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from projections.export.report.drawing import Drawing, cut
from projections.export.report.scales import duration, durations, number, thinned, ticks

WIDTH: Final = 720.0
_LEFT: Final = 230.0
_RIGHT: Final = 130.0
_AXIS: Final = 72.0
_ROW: Final = 26.0
_HEIGHT: Final = 240.0
_LETTERS: Final = 32
_SERIES: Final = 6
"""Shades that can be told from each other."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Named(NamedTuple):
    """What a chart is called, for its page and for who does not see it."""

    name: str
    title: str
    about: str


class Bar(NamedTuple):
    """One row of a chart: how long it is, and what stands behind it."""

    label: str
    value: float
    says: str


def bars(of: Named, rows: Sequence[Bar], unit: str) -> Markup:
    """Draw rows as bars that begin at nothing."""
    height = _ROW * len(rows) + 50
    drawing = Drawing(of.name, WIDTH, height, of.title, of.about)
    marks = ticks(max(row.value for row in rows))
    wide = (WIDTH - _LEFT - _RIGHT) / marks[-1]
    bottom = _ROW * len(rows) + 8
    for mark in marks:
        x = _LEFT + mark * wide
        drawing.line((x, 4), (x, bottom), "grid")
        drawing.words((x, bottom + 16), number(mark), "tick", "middle")
    drawing.words((_LEFT + (WIDTH - _LEFT - _RIGHT) / 2, bottom + 36), unit, "axis", "middle")
    for at, row in enumerate(rows):
        y = 8 + at * _ROW
        drawing.words((_LEFT - 10, y + 15), cut(row.label, _LETTERS), "label", "end")
        said = f"{row.label}: {row.says}"
        drawing.box((_LEFT, y), (max(row.value * wide, 1), _ROW - 6), "s0", said)
        drawing.words((_LEFT + row.value * wide + 8, y + 15), row.says, "value")
    return drawing.spelled()


def waits(of: Named, rows: Sequence[Bar], unit: str) -> Markup:
    """Draw rows of seconds as dots, on an axis where each mark is about ten times the last."""
    height = _ROW * len(rows) + 50
    drawing = Drawing(of.name, WIDTH, height, of.title, of.about)
    values = [max(row.value, 1) for row in rows]
    marks = durations(min(values), max(values))
    wide = (WIDTH - _LEFT - _RIGHT) / math.log(marks[-1] / marks[0])
    bottom = _ROW * len(rows) + 8

    def place(seconds: float) -> float:
        return _LEFT + math.log(min(max(seconds, marks[0]), marks[-1]) / marks[0]) * wide

    for mark in marks:
        drawing.line((place(mark), 4), (place(mark), bottom), "grid")
        drawing.words((place(mark), bottom + 16), duration(mark), "tick", "middle")
    drawing.words((_LEFT + (WIDTH - _LEFT - _RIGHT) / 2, bottom + 36), unit, "axis", "middle")
    for at, row in enumerate(rows):
        y, x = 18 + at * _ROW, place(row.value)
        drawing.words((_LEFT - 10, y + 5), cut(row.label, _LETTERS), "label", "end")
        drawing.line((_LEFT, y), (x, y), "stem")
        drawing.dot((x, y), "s0", f"{row.label}: {row.says}")
        drawing.words((x + 12, y + 5), row.says, "value")
    return drawing.spelled()


def columns(
    of: Named, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str
) -> Markup:
    """Draw a column for each label, of parts on each other; what the shades mean stands above."""
    drawing = Drawing(of.name, WIDTH, _HEIGHT + 70, of.title, of.about)
    left, top = _AXIS, 44.0
    parts = together(series)
    marks = ticks(max(map(sum, zip(*parts.values(), strict=True))))
    high, step = _HEIGHT / marks[-1], (WIDTH - left - 10) / len(labels)
    _key(drawing, [*parts], "box")
    drawing.words((left - 8, 16), unit, "axis", "end")
    for mark in marks:
        y = top + _HEIGHT - mark * high
        drawing.line((left, y), (WIDTH - 10, y), "grid")
        drawing.words((left - 8, y + 4), number(mark), "tick", "end")
    room = min(step * 0.7, 72.0)
    for at, (label, shown) in enumerate(zip(labels, thinned(labels, 12), strict=True)):
        x, y = left + at * step + (step - room) / 2, top + _HEIGHT
        for place, (name, values) in enumerate(parts.items()):
            tall = values[at] * high
            y -= tall
            says = f"{label}, {name}: {number(values[at])}"
            if tall:
                drawing.box((x, y), (room, tall), f"s{place}", says)
        drawing.words((x + room / 2, top + _HEIGHT + 18), shown, "tick", "middle")
        if shown:
            all_of_it = sum(values[at] for values in parts.values())
            drawing.words((x + room / 2, y - 6), number(all_of_it), "value", "middle")
    return drawing.spelled()


def together(series: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """Put the smallest series together, where there are more than shades."""
    by_size = sorted(series, key=lambda name: (-sum(series[name]), name))
    if len(by_size) <= _SERIES:
        return {name: series[name] for name in by_size}
    kept, rest = by_size[: _SERIES - 1], by_size[_SERIES - 1 :]
    others = [sum(values) for values in zip(*(series[name] for name in rest), strict=True)]
    return {**{name: series[name] for name in kept}, f"{len(rest)} others": others}


def lines(
    of: Named, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str
) -> Markup:
    """Draw a line for each series, which differ in their dashes too."""
    drawing = Drawing(of.name, WIDTH, _HEIGHT + 70, of.title, of.about)
    left, top = _AXIS, 44.0
    marks = ticks(max(max(values) for values in series.values()))
    high = _HEIGHT / marks[-1]
    step = (WIDTH - left - 60) / max(len(labels) - 1, 1)
    _key(drawing, [*series], "line")
    drawing.words((left - 8, 16), unit, "axis", "end")
    for mark in marks:
        y = top + _HEIGHT - mark * high
        drawing.line((left, y), (WIDTH - 10, y), "grid")
        drawing.words((left - 8, y + 4), number(mark), "tick", "end")
    for at, shown in enumerate(thinned(labels, 8)):
        drawing.words((left + at * step, top + _HEIGHT + 18), shown, "tick", "middle")
    for place, (name, values) in enumerate(series.items()):
        points = [(left + at * step, top + _HEIGHT - each * high) for at, each in enumerate(values)]
        drawing.path(points, f"l{place}")
        drawing.dot(points[-1], f"s{place}", f"{labels[-1]}, {name}: {number(values[-1])}")
        drawing.words((points[-1][0] + 9, points[-1][1] + 4), number(values[-1]), "value")
    return drawing.spelled()


def heat(of: Named, counts: Mapping[tuple[int, int], int]) -> Markup:
    """Draw a week: a row for each day (1 is Monday), a box for each hour, darker for more."""
    drawing = Drawing(of.name, WIDTH, 7 * 30 + 60, of.title, of.about)
    left, top, side = 44.0, 26.0, (WIDTH - 54.0) / 24
    most = max(counts.values())
    for hour in range(24):
        drawing.words((left + (hour + 0.5) * side, 16), str(hour), "tick", "middle")
    for day, name in enumerate(_DAYS, 1):
        y = top + (day - 1) * 30
        drawing.words((left - 8, y + 19), name, "label", "end")
        for hour in range(24):
            count = counts.get((day, hour), 0)
            shade = math.ceil(4 * count / most)
            says = f"{name} {hour}:00 to {hour + 1}:00: {number(count)}"
            drawing.box((left + hour * side, y), (side - 2, 28), f"h{shade}", says)
            if count:
                middle = (left + (hour + 0.5) * side - 1, y + 18)
                drawing.words(middle, _short(count), f"t{shade}", "middle")
    drawing.words((left + 12 * side, top + 7 * 30 + 20), "hour of the day", "axis", "middle")
    return drawing.spelled()


def _short(count: int) -> str:
    """Spell a count in the room of a box: `999`, `1k`, `25k`, `3M`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count // size}{unit}"
    return str(count)


def _key(drawing: Drawing, names: Sequence[str], kind: str) -> None:
    x = _AXIS + 10
    for place, name in enumerate(names):
        if kind == "box":
            drawing.box((x, 6), (12, 12), f"s{place}", name)
        else:
            drawing.line((x - 6, 12), (x + 16, 12), f"l{place}")
        shown = cut(name, 16)
        drawing.words((x + 20, 16), shown, "label")
        x += 34 + 7.2 * len(shown)
