"""Unicode's normal forms, in time that is in proportion to the text, whatever somebody writes."""

import re
from typing import Final, Literal
from unicodedata import normalize

_AT_ONCE: Final = 2_000
"""Characters that are normalised together: many marks on one letter cost the square of them."""

# Nothing before an ASCII character changes with it, so a text may be parted there.
_PART: Final = re.compile(rf"[\0-\x7f]?[^\0-\x7f]{{1,{_AT_ONCE}}}+")


def normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Return a text in a normal form; a letter with thousands of marks keeps some apart."""
    if text.isascii():
        return text
    if len(text) <= _AT_ONCE:
        return normalize(form, text)
    return _PART.sub(lambda part: normalize(form, part[0]), text)
