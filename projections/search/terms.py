"""What a search asks for, and whether and where a text says it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from projections.search.words import Place, places, words_as_typed

MOST_TERMS: Final = 20
MOST_HIGHLIGHTS: Final = 50

_TERM: Final = re.compile(r'"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')


class Term(NamedTuple):
    """Words that follow each other; with `prefix`, the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def terms_of(query: str) -> tuple[Term, ...]:
    """Read a search: words, `"a phrase"` and `prefix*`, all of which a text must have.

    What has no letter and no digit is passed over. `e-mail` is the phrase that it is to `words`.
    """
    found: dict[Term, None] = {}
    for match in _TERM.finditer(query):
        typed = match["word"] or match["phrase"]
        if words := words_as_typed(typed):
            starred = match["word"] is not None and typed.rstrip("*")[-1:].isalnum()
            found[Term(tuple(words), starred and typed.endswith("*"))] = None
    return tuple(found)


def beginnings_of(query: str) -> tuple[Term, ...]:
    """Read a search each of whose terms may go on: what people type to find a name."""
    return tuple(dict.fromkeys(term._replace(prefix=True) for term in terms_of(query)))


def says(words: Sequence[str], terms: Iterable[Term]) -> bool:
    """Say whether a text of these words has all that is asked for."""
    joined = f" {' '.join(words)} "
    return all(needle(term) in joined for term in terms)


def needle(term: Term, before: str = "") -> str:
    """Return what the words of a text, each with a space on both sides, must have in them.

    Each word has `before` in front of it.
    """
    joined = " ".join(f"{before}{word}" for word in term.words)
    return f" {joined}" if term.prefix else f" {joined} "


def highlights(text: str, terms: Iterable[Term]) -> list[tuple[int, int]]:
    """Say where a text has what is asked for: from, to before; in order, the first ones of many."""
    found = list(places(text))
    spans = {
        (found[at].start, found[at + len(term.words) - 1].end)
        for term in terms
        for at in range(len(found) - len(term.words) + 1)
        if _begins_at(term, found, at)
    }
    return sorted(spans)[:MOST_HIGHLIGHTS]


def _begins_at(term: Term, found: Sequence[Place], at: int) -> bool:
    *whole, last = term.words
    if any(found[at + ahead].word != word for ahead, word in enumerate(whole)):
        return False
    word = found[at + len(whole)].word
    return word.startswith(last) if term.prefix else word == last
