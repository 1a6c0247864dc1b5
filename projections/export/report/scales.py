"""Scales of charts: where axes are ticked, and how what is measured is spelled."""

import math
from collections.abc import Sequence
from typing import Final

_SECONDS: Final = (1, 10, 60, 600, 3_600, 36_000, 86_400, 864_000, 8_640_000, 86_400_000)
"""Where an axis of durations is ticked: each step is about ten times the last."""

_UNITS: Final = (("day", 86_400), ("h", 3_600), ("min", 60))


def ticks(most: float, about: int = 5) -> list[float]:
    """Return round numbers from 0 to at least `most`: some five of them, steps of 1, 2 or 5."""
    if most <= 0:
        return [0.0, 1.0]
    step = 10.0 ** math.floor(math.log10(most / about))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= about)
    if float(most).is_integer():  # what is counted is counted in whole numbers
        step = max(step, 1.0)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def durations(least: float, most: float) -> list[float]:
    """Return the ticks of an axis of durations, in seconds: at least two."""
    begin = max((at for at, each in enumerate(_SECONDS) if each <= least), default=0)
    end = min((at for at, each in enumerate(_SECONDS) if each >= most), default=len(_SECONDS) - 1)
    end = max(end, begin + 1)
    return [float(each) for each in _SECONDS[begin : end + 1]]


def duration(seconds: float) -> str:
    """Spell a duration by its two largest units: `2 min 15 s`, `3 days 4 h`."""
    left = round(seconds)
    if left < 60:  # noqa: PLR2004 - that is a minute
        return f"{left} s"
    parts: list[tuple[int, str]] = []
    for unit, size in (*_UNITS, ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(_spelled(*part) for part in parts[:2] if part[0])


def _spelled(count: int, unit: str) -> str:
    return f"{count:,} {unit}s" if unit == "day" and count != 1 else f"{count:,} {unit}"


def number(value: float) -> str:
    """Spell a number as people read it: `1,204`, `57.1`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def thinned(labels: Sequence[str], most: int) -> list[str]:
    """Leave out labels, so that at most so many are left: each n-th, the others are empty."""
    every = max(1, math.ceil(len(labels) / most))
    return [label if at % every == 0 else "" for at, label in enumerate(labels)]
