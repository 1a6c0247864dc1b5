"""A measure: what was timed, beside its floor and its goal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple


class WrongAnswer(Exception):
    """What was measured did not do its work. A fast wrong answer is no result."""


class Round(NamedTuple):
    """What was found once, and what the floor did beside it."""

    figure: float
    floor: float


@dataclass(frozen=True)
class Measure:
    """The figures of some rounds of one measure.

    `floors` are what the bare machine did in the same run, in the same unit. `at_least` and
    `at_most` are goals of the median figure, `of_floor` of its ratio to the median floor.
    """

    engine: str
    name: str
    unit: str
    figures: Sequence[float]
    floors: Sequence[float] = field(default=())
    floor_name: str = ""
    at_least: float | None = None
    at_most: float | None = None
    of_floor: float | None = None

    @property
    def figure(self) -> float:
        """The median of the rounds."""
        return median(self.figures)

    @property
    def floor(self) -> float | None:
        """The median of the floor's rounds."""
        return median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The figure over its floor."""
        return self.figure / self.floor if self.floor else None

    @property
    def met(self) -> bool:
        """Whether every goal is reached."""
        return (
            (self.at_least is None or self.figure >= self.at_least)
            and (self.at_most is None or self.figure <= self.at_most)
            and (self.of_floor is None or (self.ratio or 0) >= self.of_floor)
        )

    @property
    def goal(self) -> str:
        """The goals in words."""
        parts = []
        if self.at_least is not None:
            parts.append(f">= {self.at_least:,.0f}")
        if self.at_most is not None:
            parts.append(f"<= {self.at_most:,.0f}")
        if self.of_floor is not None:
            parts.append(f">= {self.of_floor:g} x floor")
        return ", ".join(parts)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
