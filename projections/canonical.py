"""When two texts say the same: how texts of one message are compared across families."""

import re
from collections.abc import Collection
from typing import Final

from projections.unicode import normalized

Seen = tuple[str, bool]
"""A text as it was sent, and whether it is weak: the bot's mention was cut from it."""

# Atomic, and never over an inner tag: linear in the text, whatever somebody writes into it. What
# is atomic as a whole is no `(?:…)*+`, of which Python 3.11.2 finds nothing (CPython issue 106052).
_MENTION: Final = re.compile(
    r"\[USER=([^\]\[\s]++)[^\]\[]*+\][^\[]*+(?>(?:\[(?!/?USER[=\]])[^\[]*+)*)\[/USER\]",
    re.IGNORECASE,
)
_REDUCED_MENTION: Final = re.compile(r"\[USER=[^\]\[\s]++\]")
_HALF_A_MENTION: Final = re.compile(
    r"(?:\[USER=[^\[]*+(?:\[/?[USER]*+)?|\[[USER]*+)\Z", re.IGNORECASE
)
_CUT: Final = " (...)"
_CUT_FROM: Final = 19_900  # characters; the portal cuts at 20,000, give or take what it counts


def canonical(text: str) -> str:
    r"""Spell a text as it is compared; what is shown is never this.

    CRLF is LF, characters are composed (NFC), a mention is `[USER=id]` whatever name stood in it,
    outer whitespace is gone (reference, section 4 and trap 34).
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    text = normalized("NFC", text)
    if "[" in text:
        text = _MENTION.sub(_reduce, text)
    return text.strip()


def cut(text: str) -> bool:
    """Say whether the portal cut this text off, at 20,000 characters (reference, trap 33)."""
    return len(text) >= _CUT_FROM and text.endswith(_CUT)


def classes(texts: Collection[Seen]) -> dict[Seen, str]:
    """Give each text of one message the canonical text that it equals.

    A cut text equals the one other that begins like it (reference, trap 33); a weak text equals
    the one other that is the same but for mentions (trap 1). Where none or several would do, a
    text stands for itself. A function of the set: order and repetition change nothing.
    """
    found = {seen: canonical(seen[0]) for seen in dict.fromkeys(texts)}
    _join_cut(found)
    _join_weak(found)
    return found


def _reduce(mention: re.Match[str]) -> str:
    return f"[USER={mention[1].lower()}]"


def _join_cut(found: dict[Seen, str]) -> None:
    shortened = {seen: _beginning(seen[0]) for seen in found if cut(seen[0])}
    if not shortened:
        return
    spelled = dict(found)
    # the longest first: what it turns out to be, a shorter one may turn out to be too
    for seen, start in sorted(shortened.items(), key=lambda item: (-len(item[1]), item)):
        same = {
            found[other]
            for other, text in spelled.items()
            if text != spelled[seen] and text.startswith(start)
        }
        if len(same) == 1:
            found[seen] = same.pop()


def _beginning(text: str) -> str:
    return canonical(_HALF_A_MENTION.sub("", text.removesuffix(_CUT)))


def _join_weak(found: dict[Seen, str]) -> None:
    weak = [seen for seen in found if seen[1]]
    if not weak:
        return
    strong: dict[str, set[str]] = {}
    for (_, is_weak), meant in found.items():
        if not is_weak:
            strong.setdefault(_bare(meant), set()).add(meant)
    for seen in weak:
        same = strong.get(_bare(found[seen]), ())
        if len(same) == 1:
            (found[seen],) = same


def _bare(text: str) -> str:
    return _REDUCED_MENTION.sub("", text).lstrip(", \t\n").rstrip()
