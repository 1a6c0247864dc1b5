"""Who left: no event says it, but a system message does (reference, 3.8 and trap 6)."""

import re
from typing import Final

from projections.decode.wire import id_in

_LEAVING: Final = re.compile("LEAVE|KICK", re.IGNORECASE)
_NAMED: Final = re.compile(r"\[USER=([^\s\]]*)", re.IGNORECASE)


def leaver(code: str | None, text: str | None) -> int | None:
    """The one person who left, or None.

    A text that names two people does not say which of them left, so it says nothing.
    """
    if not (code and text and _LEAVING.search(code)):
        return None
    named = set(_NAMED.findall(text))
    if len(named) != 1:
        return None
    (user,) = named
    return id_in(user)
