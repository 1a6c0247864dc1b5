"""A text as safe HTML: what its codes mean, with nothing that acts, loads or styles.

Our own and not PyPI's `bbcode`: that knows no mention and no quote of Bitrix24's, and codes that
are nested deeply end it with a RecursionError.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

import nh3

from projections.bbcode import Mention, Part, pieces

_TAGS: Final = {
    "b": ("<b>", "</b>"),
    "i": ("<i>", "</i>"),
    "u": ("<u>", "</u>"),
    "s": ("<s>", "</s>"),
    "code": ("<pre><code>", "</code></pre>"),
    "quote": ("<blockquote>", "</blockquote>"),
    "url": ('<a href="{address}">', "</a>"),
}
_QUOTE: Final = Part(0, 0, "quote", closing=False, argument="")
_UNQUOTE: Final = Part(0, 0, "quote", closing=True, argument="")
_ARROWS: Final = ">>"
_FENCE: Final = "-" * 54
"""What is quoted: each line that begins with >>, and the lines between two fences."""

_LINE: Final = re.compile(r"[^\n]*+\n|[^\n]++")
_LINK: Final = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x1f\x7f\\]++", re.IGNORECASE)

_DEEPEST: Final = 64
"""Tags that stand within each other; what codes further inside are about is shown without them."""

_CLEANER: Final = nh3.Cleaner(
    tags={"a", "b", "i", "u", "s", "pre", "code", "blockquote", "br", "span"},
    attributes={"a": {"href"}, "span": {"data-user-id"}},
    tag_attribute_values={"span": {"class": {"mention"}}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="nofollow noopener noreferrer",
)


def html(text: str, name_of: Callable[[Mention], str]) -> str:
    """Return a text as HTML: b, i, u, s, pre, code, blockquote, br, a and span, nothing else.

    An `a` leads to http, https or mailto, and does not tell from where; a `span` is a mention, of
    `class` mention, with `data-user-id`. Takes time linear in the text. There are two locks: what
    is written here is escaped, and a library that reads HTML as browsers do lets nothing else out.
    """
    return _CLEANER.clean("".join(_Writer(text, name_of).write()))


class _Writer:
    """Writes one text once. A tag that ends takes along all that stands in it: none overlap."""

    def __init__(self, text: str, name_of: Callable[[Mention], str]) -> None:
        self._text = text.replace("\r\n", "\n")
        self._name_of = name_of
        self._standing: dict[int, str] = {}  # the code of each tag that has not ended, by its place
        self._begun: defaultdict[str | None, list[int]] = defaultdict(list)

    def write(self) -> Iterator[str]:
        found = [*_with_quotes(self._text)]
        for place, piece in enumerate(found):
            if isinstance(piece, str):
                yield self._words(piece)
            elif isinstance(piece, Mention):
                yield self._mention(piece)
            elif piece.closing:
                yield from self._end(piece)
            else:
                self._begun[piece.code].append(place)
                yield self._begin(place, piece, _words_of(found[place + 1 : place + 2]))
        while self._standing:
            yield self._ended()

    def _words(self, words: str) -> str:
        verbatim = self._standing and next(reversed(self._standing.values())) == "code"
        return escape(words, quote=False) if verbatim else _shown(words)

    def _mention(self, mention: Mention) -> str:
        of = "" if mention.user_id is None else f' data-user-id="{mention.user_id}"'
        return f'<span class="mention"{of}>{_shown(self._name_of(mention))}</span>'

    def _begin(self, place: int, part: Part, following: str) -> str:
        code = part.code or ""
        if code not in _TAGS or len(self._standing) == _DEEPEST:
            return _shown(part.shown(self._text))
        address = (part.argument or following).strip()
        if code == "url" and (code in self._standing.values() or not _LINK.fullmatch(address)):
            return ""
        self._standing[place] = code
        return _TAGS[code][0].format(address=escape(address))

    def _end(self, part: Part) -> Iterator[str]:
        begun = self._begun[part.code]  # empty where it stands within a mention
        place = begun.pop() if begun else None
        while place in self._standing:
            yield self._ended()

    def _ended(self) -> str:
        return _TAGS[self._standing.popitem()[1]][1]


def _words_of(found: Sequence[Part | Mention | str]) -> str:
    return "".join(piece for piece in found if isinstance(piece, str))


def _shown(words: str) -> str:
    return escape(words, quote=False).replace("\n", "<br>")


def _with_quotes(text: str) -> Iterator[Part | Mention | str]:
    """Part a text into its codes, mentions and lines, and say where quotes begin and end."""
    quotes = _Quotes(text)
    in_code = False
    for piece in pieces(text):
        if isinstance(piece, Mention) or piece.code is not None:
            yield from quotes.no_sign()
            in_code = isinstance(piece, Part) and piece.code == "code" and not piece.closing
            yield piece
        elif in_code:
            yield text[piece.start : piece.end]
        else:
            for line in _LINE.findall(text, piece.start, piece.end):
                yield from quotes.line(line)
    yield from quotes.end()


class _Quotes:
    """What is quoted, and by which sign: known line by line."""

    def __init__(self, text: str) -> None:
        self._fences = text.split("\n").count(_FENCE)
        self._sign: str | None = None
        self._line_begins = True

    def line(self, words: str) -> Iterator[Part | str]:
        """Give a line, or what there is of it, without the sign."""
        if self._line_begins and self._is_fence(words):
            self._fences -= 1
            yield from self._turn(None if self._sign == _FENCE else _FENCE)
            return
        if self._line_begins and self._sign != _FENCE:
            yield from self._turn(_ARROWS if words.startswith(_ARROWS) else None)
            words = words.removeprefix(_ARROWS)
        self._line_begins = words.endswith("\n")
        yield words

    def no_sign(self) -> Iterator[Part]:
        """Go on with what is no sign, also where a line begins."""
        if self._line_begins and self._sign == _ARROWS:
            yield from self._turn(None)
        self._line_begins = False

    def end(self) -> Iterator[Part]:
        """End the quote, if there is one."""
        return self._turn(None)

    def _is_fence(self, words: str) -> bool:
        return words.rstrip("\n") == _FENCE and (self._sign == _FENCE or self._fences > 1)

    def _turn(self, sign: str | None) -> Iterator[Part]:
        if sign != self._sign and self._sign:
            yield _UNQUOTE
        if sign != self._sign and sign:
            yield _QUOTE
        self._sign = sign
