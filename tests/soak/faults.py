"""What goes wrong in the week, and when: as the seed decides, but never too close together."""

from random import Random
from typing import Final, Literal, NamedTuple, get_args

Kind = Literal[
    "killed between append and acknowledgement",
    "killed at a call",
    "killed while it works",
    "network lost",
    "answers lost",
    "rate limited",
    "time budget spent",
    "asleep",
    "asleep past the retention",
    "robbed by another reader",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_HOUR: Final = 3_600.0
_WEIGHTS: Final[dict[Kind, int]] = {
    "killed between append and acknowledgement": 10,
    "killed at a call": 6,
    "killed while it works": 6,
    "network lost": 6,
    "answers lost": 5,
    "rate limited": 5,
    "time budget spent": 4,
    "asleep": 4,
    "asleep past the retention": 1,
    "robbed by another reader": 3,
}
"""How many there are of each, of fifty."""

_LASTS: Final[dict[Kind, tuple[float, float]]] = {
    "killed between append and acknowledgement": (1, 300),
    "killed at a call": (1, 300),
    "killed while it works": (1, 300),
    "network lost": (30, 2 * _HOUR),
    "answers lost": (30, 600),
    "rate limited": (60, 1_800),
    "time budget spent": (600, 1_800),
    "asleep": (0.5 * _HOUR, 3 * _HOUR),
    "asleep past the retention": (25 * _HOUR, 26 * _HOUR),
    "robbed by another reader": (0, 0),
}
"""The least and the most seconds that each goes on."""


_SHARE: Final = 4
"""No fault goes on for more than a fourth of the time: a short one has no sleep past a day."""


class Fault(NamedTuple):
    """Something that goes wrong from a moment of the week on, for so many seconds."""

    at: float
    kind: Kind
    lasts: float


def planned(random: Random, begin: float, seconds: float, count: int) -> list[Fault]:
    """Give the faults of a time, in their order: their kinds in the shares that are meant."""
    share = count / sum(_WEIGHTS.values())
    able = [kind for kind in KINDS if _LASTS[kind][1] < seconds / _SHARE]
    kinds = [kind for kind in able for _ in range(max(1, round(_WEIGHTS[kind] * share)))]
    random.shuffle(kinds)
    lengths = [random.uniform(*_LASTS[kind]) for kind in kinds]
    # What is left of the time stands between them, so that each finds those who poll at work.
    free = seconds - sum(lengths)
    pauses = [0.2 + random.random() for _ in range(len(kinds) + 1)]
    unit = max(free, 0.0) / sum(pauses)
    faults: list[Fault] = []
    moment = begin
    for kind, lasts, pause in zip(kinds, lengths, pauses, strict=False):
        moment += pause * unit
        faults.append(Fault(moment, kind, lasts))
        moment += lasts
    return faults
