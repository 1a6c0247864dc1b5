"""What changed between two texts, word by word."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from operator import eq
from typing import Final, Literal, NamedTuple

from rapidfuzz.distance import Indel

_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")
"""Words, runs of space, and every other character by itself: all of a text, nothing left out."""

_MOST: Final = 100_000_000
"""Pairs of words that are compared: about 30 ms. A portal's longest texts, of 20,000 characters,
have about 9,000 words and spaces each."""

Op = Literal["equal", "insert", "delete"]


class Part(NamedTuple):
    """A piece of text that both have, or that only one of them has."""

    op: Op
    text: str


def diff(old: str, new: str) -> list[Part]:
    """Give the parts that lead from one text to another, in their order.

    What is equal and deleted makes the old text, what is equal and inserted the new one. The same
    texts have the same parts, always. Of texts that have more words than can be compared, all
    between their common beginning and end is one deletion and one insertion.
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    begin = _alike(before, after)
    end = _alike(before[begin:][::-1], after[begin:][::-1])
    middle = _compared(before[begin : len(before) - end], after[begin : len(after) - end])
    parts = [Part("equal", "".join(before[:begin])), *middle]
    return _joined([*parts, Part("equal", "".join(before[len(before) - end :]))])


def _alike(before: Sequence[str], after: Sequence[str]) -> int:
    """Count the words that both begin with."""
    return sum(takewhile(bool, map(eq, before, after)))


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Part]:
    if len(before) * len(after) > _MOST:
        yield Part("delete", "".join(before))
        yield Part("insert", "".join(after))
        return
    number: dict[str, int] = {}  # of numbers, the library compares what they are, not their hash
    old, new = ([number.setdefault(word, len(number)) for word in of] for of in (before, after))
    for op in Indel.opcodes(old, new):
        if op.tag != "insert":
            yield Part(
                "equal" if op.tag == "equal" else "delete",
                "".join(before[op.src_start : op.src_end]),
            )
        else:
            yield Part("insert", "".join(after[op.dest_start : op.dest_end]))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Join what follows each other: of each change first what went, then what came.

    Space between two changes changed with them: phrases are read more easily than words.
    """
    joined: list[Part] = []
    for same, run in groupby(_spaced(parts), key=lambda part: part.op == "equal"):
        found = list(run)
        ops: tuple[Op, ...] = ("equal",) if same else ("delete", "insert")
        for op in ops:
            text = "".join(part.text for part in found if part.op == op)
            if text:
                joined.append(Part(op, text))
    return joined


def _spaced(parts: Sequence[Part]) -> Iterator[Part]:
    filled = [part for part in parts if part.text]
    for place, part in enumerate(filled):
        if part.op == "equal" and part.text.isspace() and 0 < place < len(filled) - 1:
            yield Part("delete", part.text)
            yield Part("insert", part.text)
        else:
            yield part
