"""What a server was told, by its own log: each statement of ours, whatever process it came from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

SETTINGS: Final[Mapping[str, str]] = {
    "log_statement": "all",
    "log_parameter_max_length": "24",  # enough for the number of a portal
    "log_line_prefix": "%m [%c] %q%a@%d ",
}
"""What a server is told whose log is to be read here."""

OURS: Final = "chronicle"
"""The name under which the code connects; what tests do for themselves has another."""

_ENTRY: Final = re.compile(r"\S+ \S+ \S+ \[(\S+)\] (.*)@(\S+) ([A-Z]+):  (.*)", re.DOTALL)
_STATEMENT: Final = re.compile(r"(?:statement|execute [^:]+): (.*)", re.DOTALL)
_VALUES: Final = "Parameters: "
"""Begins a detail, which the server writes in one piece with the statement that it is of."""
_PARAMETER: Final = re.compile(r"\$\d+ = (?:NULL|'((?:[^']|'')*)')")


class Statement(NamedTuple):
    """A statement that a server was told."""

    session: str
    database: str
    text: str
    values: tuple[str, ...] = ()
    """What its parameters stand for, the long ones cut off; NULL is nothing."""


def heard(log: Path, begun: int = 0) -> Iterator[Statement]:
    """Give all statements of ours, in the order that they came, from a byte of the log on."""
    if not log.exists():
        return
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(begun)
        last: Statement | None = None
        for entry in _entries(lines):
            found = _ENTRY.fullmatch(entry)
            if found is None or found[2] != OURS:
                continue
            session, level, words = found[1], found[4], found[5]
            if last is not None and (values := words.removeprefix(_VALUES)) != words:
                last = last._replace(values=tuple(_PARAMETER.findall(values)))
            elif (statement := _STATEMENT.fullmatch(words)) and level == "LOG":
                if last is not None:
                    yield last
                last = Statement(session, found[3], statement[1])
        if last is not None:
            yield last


def _entries(lines: Iterable[str]) -> Iterator[str]:
    """Put lines together: one that goes on with another begins with a tab."""
    entry = ""
    for line in lines:
        if line.startswith("\t"):
            entry += "\n" + line[1:].rstrip("\n")
            continue
        yield entry
        entry = line.rstrip("\n")
    yield entry
