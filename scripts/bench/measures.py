"""A measure: what was timed, beside what others did in the same run, and its goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from types import MappingProxyType
from typing import Any, Final, NamedTuple

SPREAD: Final = 0.15
"""The most that the middle half of the rounds may differ, as a share of the median."""


class WrongAnswer(Exception):
    """What was measured did not do its work. A fast wrong answer is no result."""


class Beside(NamedTuple):
    """What a floor or a peer did in the same rounds, in the same unit.

    `of` is a goal: our median figure is to be so many times theirs, at least.
    """

    name: str
    figures: Sequence[float]
    of: float | None = None

    @property
    def figure(self) -> float:
        """The median of the rounds."""
        return median(self.figures)


class Round(NamedTuple):
    """What was found once, and what others did beside it, by their names."""

    figure: float
    beside: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Measure:
    """The figures of some rounds of one measure; `at_least` and `at_most` are goals of the median.

    `beside` is what the bare machine and others did in the same run; `events`, how many events
    there were, where that was varied.
    """

    engine: str
    name: str
    unit: str
    figures: Sequence[float]
    beside: Sequence[Beside] = ()
    at_least: float | None = None
    at_most: float | None = None
    events: int | None = None

    @classmethod
    def of_rounds(
        cls,
        engine: str,
        name: str,
        unit: str,
        rounds: Sequence[Round],
        *,
        of: Mapping[str, float] = MappingProxyType({}),
        **more: Any,
    ) -> "Measure":
        """Gather rounds; `of` are goals of the ratio to others, by name; `more` are fields."""
        beside = [
            Beside(other, [of_round.beside[other] for of_round in rounds], of.get(other))
            for other in rounds[0].beside
        ]
        return cls(engine, name, unit, [of_round.figure for of_round in rounds], beside, **more)

    @property
    def figure(self) -> float:
        """The median of the rounds."""
        return median(self.figures)

    @property
    def spread(self) -> float:
        """How much the middle half of the rounds differs, as a share of the median."""
        if len(self.figures) == 1 or not self.figure:
            return 0.0
        first, _, third = quantiles(self.figures, n=4, method="inclusive")
        return (third - first) / self.figure

    @property
    def steady(self) -> bool:
        """Whether the rounds agree: what they say otherwise is refused."""
        return self.spread <= SPREAD

    def ratio(self, other: Beside) -> float:
        """Return the figure over another one."""
        return self.figure / other.figure

    @property
    def met(self) -> bool:
        """Whether every goal is reached."""
        return (
            (self.at_least is None or self.figure >= self.at_least)
            and (self.at_most is None or self.figure <= self.at_most)
            and all(other.of is None or self.ratio(other) >= other.of for other in self.beside)
        )

    @property
    def goal(self) -> str:
        """The goals in words."""
        parts = []
        if self.at_least is not None:
            parts.append(f">= {self.at_least:,.0f}")
        if self.at_most is not None:
            parts.append(f"<= {self.at_most:,g}")
        goals = [other for other in self.beside if other.of is not None]
        parts += [f">= {other.of:g} x {other.name}" for other in goals]
        return ", ".join(parts)

    @property
    def verdict(self) -> str:
        """Say `yes` or `NO` to the goals, nothing without one, and refuse what is not steady."""
        if not self.steady:
            return "refused"
        if not self.goal:
            return ""
        return "yes" if self.met else "NO"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
