"""What a verification tells: something stored that is not what it should be."""

from collections.abc import Callable
from typing import NamedTuple

Progress = Callable[[int, int], None]
"""Is told how many events of how many are verified."""


class Difference(NamedTuple):
    """Something stored that is not what it should be, and exactly where. Never with its content."""

    portal: str
    place: str
    detail: str
