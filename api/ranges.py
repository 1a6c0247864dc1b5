"""Which bytes of a file a request asks for (RFC 9110, section 14): one range, or the whole."""

import re
from typing import Final

from api.problems import Problem

_RANGE: Final = re.compile(
    r"bytes=[ \t]*(?:([0-9]{1,19})-([0-9]{1,19})?|-([0-9]{1,19}))[ \t]*", re.IGNORECASE
)


def range_of(asked: str | None, only_if: str | None, *, tag: str, size: int) -> range | None:
    """Return the bytes that `Range` asks for; None is all of them.

    What is no range is ignored, and so is one of another file than `If-Range` names, and several
    of them. Raises Problem(range_not_satisfiable) for one that begins behind the end.
    """
    match = _RANGE.fullmatch(asked or "")
    if match is None or only_if not in {None, tag}:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        begin, end = max(size - int(suffix), 0), size
    else:
        begin, end = int(first), size if last is None else min(int(last) + 1, size)
        if last is not None and int(last) < begin:
            return None
    if begin >= size:
        detail = f"The file has {size:,} bytes: nothing begins there."
        raise Problem("range_not_satisfiable", detail, size=size)
    return range(begin, end)
