"""The lines of a file of events, as they travel: many at once, as the bytes that they are."""

from collections.abc import Iterator
from typing import Final, NamedTuple

KEPT: Final = 16 * 2**20
"""Bytes of a line that are held at once. Of a longer one only the number and size are known."""


class Block(NamedTuple):
    """Whole lines: the number of the first one, which begin at 1, and all their bytes.

    A line beyond `KEPT` is a block of its own: its size, and no bytes.
    """

    number: int
    body: bytes
    beyond: int = 0

    @property
    def lines(self) -> int:
        """How many lines end here."""
        return 1 if self.beyond else self.body.count(b"\n")


class Line(NamedTuple):
    """A line that is not blank. The body is empty if it is beyond `KEPT`."""

    number: int
    body: bytes
    size: int


def lines_of(block: Block) -> Iterator[Line]:
    """Give the lines of a block that are not blank."""
    if block.beyond:
        yield Line(block.number, b"", block.beyond)
        return
    for number, line in enumerate(block.body.split(b"\n"), block.number):
        if body := line.strip():
            yield Line(number, body if len(body) <= KEPT else b"", len(body))
