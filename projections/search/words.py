"""Words: what a text says to a search, and where it says it."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from projections.bbcode import parts, plain
from projections.unicode import normalized

MOST_WORDS: Final = 10_000
"""Words of one text that can be found."""

_LONGEST: Final = 64
"""Characters by which a word is known."""

_MOST_CHARACTERS: Final = 100_000

_WORD: Final = re.compile(r"[^\W_]+")
_RUN: Final = re.compile(r"\S+")
_CLUSTER: Final = re.compile(r".[\u0300-\u036f]*", re.DOTALL)

_IO: Final = "\N{CYRILLIC SMALL LETTER IO}", "\N{CYRILLIC SMALL LETTER IE}"
_UNSEEN: Final = re.compile("[\u00ad\u0300-\u036f\u200b-\u200d\u2060\ufeff]")
"""Stress marks, soft hyphens and joiners: nobody types them to find a word."""


class Place(NamedTuple):
    """A word, and where it stands: from `start` to before `end`, in code points."""

    word: str
    start: int
    end: int


def words(text: str) -> list[str]:
    """Return the words of a text, in order: runs of letters and digits without their BB codes.

    Compatible characters are one (NFKC), so are cases, and `ё` is written as most people type it.
    """
    return words_as_typed(plain(text))


def words_as_typed(text: str) -> list[str]:
    """Return the words of a text that has no BB codes: what looks like one is text."""
    found = _WORD.findall(_normal(text[:_MOST_CHARACTERS])[:_MOST_CHARACTERS])
    return [word[:_LONGEST] for word in found[:MOST_WORDS]]


def places(text: str) -> Iterator[Place]:
    """Give the words of a text, and where each stands, its BB codes included in the count."""
    shown, origins = _with_origins(text)
    for place in islice(_places_as_typed(shown), MOST_WORDS):
        yield Place(place.word, origins[place.start][0], origins[place.end - 1][1])


def _normal(text: str) -> str:
    """Spell alike what is the same to a search."""
    if text.isascii():
        return text.lower()
    return _UNSEEN.sub("", normalized("NFKC", text).casefold()).replace(*_IO)


@lru_cache(maxsize=10_000)
def _normal_cluster(cluster: str) -> str:
    return _normal(cluster)


def _with_origins(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return what a reader sees, and of each character where the text has it."""
    shown: list[str] = []
    origins: list[tuple[int, int]] = []
    for part in parts(text):
        seen = part.shown(text)
        shown.append(seen)
        if part.code is None:
            origins += ((at, at + 1) for at in range(part.start, part.end))
        else:
            origins += [(part.start, part.end)] * len(seen)
    return "".join(shown), origins


def _places_as_typed(text: str) -> Iterator[Place]:
    for run in _RUN.finditer(text):
        normal = _normal(run[0])
        origins = _origins_in(run, normal)
        for word in _WORD.finditer(normal):
            start, end = origins[word.start()][0], origins[word.end() - 1][1]
            yield Place(word[0][:_LONGEST], start, end)


def _origins_in(run: re.Match[str], normal: str) -> list[tuple[int, int]]:
    """Say of each character of a normal spelling where the text has it."""
    if run[0].isascii():
        return [(at, at + 1) for at in range(*run.span())]
    origins: list[tuple[int, int]] = []
    spelled = ""
    for cluster in _CLUSTER.finditer(run[0]):
        part = _normal_cluster(cluster[0])
        spelled += part
        origins += [(run.start() + cluster.start(), run.start() + cluster.end())] * len(part)
    # Some characters are another one together: then it is in all of them.
    return origins if spelled == normal else [run.span()] * len(normal)
