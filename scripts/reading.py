"""Reads the lines of an import into events, some pieces of the file at a time."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from eventstore.body import parse_json
from eventstore.directory import Portal
from eventstore.envelope import Receiving, check_portal, events_of
from eventstore.errors import TooLarge, UnreadableBody
from eventstore.event import NewEvent
from scripts.lines import Line

_LINES: Final = 500
_BYTES: Final = 2**20
"""How much of a file is read at once: this many, or one line that is larger."""


class Refused(NamedTuple):
    """A line, or a part of one, that cannot be read."""

    line: Line
    reason: str


class Read(NamedTuple):
    """What some lines said: events in the lines' order, as plain tuples, which travel faster."""

    events: list[tuple[Any, ...]]
    refused: list[Refused]


def pieces(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Divide lines into pieces of a bounded size."""
    piece: list[Line] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line.body)
        if len(piece) == _LINES or size >= _BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def read(lines: list[Line], portal: Portal, how: Receiving, max_body: int) -> Read:
    """Make events of lines, in any process. Raises PortalMismatch for a line of another portal."""
    found = Read([], [])
    for line in lines:
        for event in _events(line, portal, how, max_body):
            if isinstance(event, NewEvent):
                found.events.append(tuple(event))
            else:
                found.refused.append(Refused(line, str(event)))
    return found


def _events(
    line: Line, portal: Portal, how: Receiving, max_body: int
) -> list[NewEvent | UnreadableBody]:
    if line.size > max_body:
        return [TooLarge(f"{line.size:,} bytes: beyond CHRONICLE_MAX_BODY")]
    try:
        tree = parse_json(line.body)
        check_portal(tree, portal.member_id, portal.slug)
        return events_of(tree, how)
    except UnreadableBody as reason:
        return [reason]
