"""Bitrix24's BB codes: where they stand in a text, and what a reader sees without them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from projections.facts import MAX_ID

_DIGITS: Final = len(str(MAX_ID))
_FORMATS: Final = frozenset(["b", "i", "u", "s", "size", "color", "code"])
_POINTS: Final = frozenset(["url", "user", "chat", "context", "send", "put", "call", "pch", "img"])
_AROUND: Final = _FORMATS | _POINTS
"""Codes that stand around what they are about: one without its other half is text."""

_ALONE: Final = frozenset(
    ["br", "disk", "icon", "timestamp", "attach", "rating", "like", "dislike"]
)
_DESCRIBED: Final = frozenset({"icon", "img"})
"""Codes that may have words behind a space: `[i think]` is text."""

# Possessive, and a bracket within an argument only with its other half: linear in the text.
_CODE: Final = re.compile(
    r"\[(?P<closing>/?)(?P<name>[a-z]++)(?P<argument>(?:[=\s](?:[^\[\]]|\[[^\[\]]*+\])*+)?)\]|#br#",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(r"\stitle=(?:\"([^\"]*)\"|(\S+(?:\s+(?!\w+=)\S+)*))", re.IGNORECASE)


class Part(NamedTuple):
    """A stretch of a text, in code points: a code, or what stands between two of them.

    `code` is the code's name in lower case, None for plain text. `argument` is what a code has
    behind its `=`, or behind a space, without it.
    """

    start: int
    end: int
    code: str | None
    closing: bool
    argument: str

    def shown(self, text: str) -> str:
        """Return what a reader sees of it, without any formatting."""
        if self.code is None:
            return text[self.start : self.end]
        if self.code == "br":
            return "\n"
        if self.code == "icon":
            title = _TITLE.search(self.argument)
            return (title[1] or title[2] or "") if title else ""
        if self.code == "timestamp":
            return _time(self.argument.partition(" ")[0])
        return ""


class Mention(NamedTuple):
    """Somebody who is named in a text: who, None for all at once, and the words that name them."""

    user_id: int | None
    written: str


def parts(text: str) -> Iterator[Part]:
    """Part a text into codes and what stands between them, without a gap.

    Only codes that Bitrix24 knows are codes, `[1]` is text; so is what stands within `[code]`.
    """
    end = 0
    for code in _codes(text):
        if code.start > end:
            yield Part(end, code.start, None, closing=False, argument="")
        yield code
        end = code.end
    if end < len(text):
        yield Part(end, len(text), None, closing=False, argument="")


def plain(text: str) -> str:
    """Return a text as it reads without its BB codes."""
    return "".join(part.shown(text) for part in parts(text)) if _may_have_codes(text) else text


def plain_with(text: str, name_of: Callable[[Mention], str]) -> str:
    """Return the same, with each mention named as it is to be."""
    return "".join(
        name_of(piece) if isinstance(piece, Mention) else piece.shown(text)
        for piece in pieces(text)
    )


def pieces(text: str) -> Iterator[Part | Mention]:
    """Part a text as `parts` does, with each mention in one piece, whatever stands in it."""
    found = parts(text)
    for part in found:
        if part.code == "user":
            yield _mention(text, part, found)
        else:
            yield part


def mentioned(text: str) -> set[int]:
    """Return the users who are named in a text."""
    if not _may_have_codes(text):
        return set()
    found = (piece.user_id for piece in pieces(text) if isinstance(piece, Mention))
    return {user_id for user_id in found if user_id is not None}


def _mention(text: str, opening: Part, following: Iterator[Part]) -> Mention:
    written: list[str] = []
    depth = 1  # the codes of one name close each other from within
    for part in following:
        if part.code == "user":
            depth += -1 if part.closing else 1
            if not depth:
                break
        written.append(part.shown(text))
    return Mention(_user_id(opening.argument), "".join(written))


def _user_id(argument: str) -> int | None:
    """Read whom a mention names: `571`, `571 REPLACE`, `all`."""
    number = argument.split(maxsplit=1)[0] if argument.strip() else ""
    if not (number.isascii() and number.isdecimal()) or len(number) > _DIGITS:
        return None
    return int(number) if int(number) <= MAX_ID else None


def _may_have_codes(text: str) -> bool:
    return "[" in text or "#" in text


def _codes(text: str) -> list[Part]:
    """Find the codes: those that stand alone, and those whose other half is there."""
    found = list(_candidates(text)) if _may_have_codes(text) else []
    kept: list[int] = []
    opened: dict[str, list[int]] = {}
    last_of_code = max((at for at, each in enumerate(found) if _ends_code(each)), default=-1)
    verbatim: int | None = None
    for at, each in enumerate(found):
        if verbatim is not None:
            if _ends_code(each):
                kept += verbatim, at
                verbatim = None
        elif each.code == "code":
            verbatim = at if not each.closing and at < last_of_code else None
        elif each.code in _ALONE and not each.closing:
            kept.append(at)
        elif each.code in _AROUND and not each.closing:
            opened.setdefault(each.code, []).append(at)
        elif each.closing and opened.get(each.code or ""):
            kept += opened[each.code or ""].pop(), at
    return [found[at] for at in sorted(kept)]


def _candidates(text: str) -> Iterator[Part]:
    for match in _CODE.finditer(text):
        name = (match["name"] or "br").lower()
        argument = match["argument"] or ""
        if argument[:1] in {"", "="} or name in _DESCRIBED:
            closing = bool(match["closing"])
            yield Part(match.start(), match.end(), name, closing, argument[1:])


def _ends_code(part: Part) -> bool:
    return part.code == "code" and part.closing


def _time(seconds: str) -> str:
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return ""
