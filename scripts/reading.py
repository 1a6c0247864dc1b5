"""Reads the lines of an import into events, in any process: it imports no more than that takes."""

from typing import Any, Final, NamedTuple

from eventstore.body import parse_json
from eventstore.envelope import Receiving, check_portal, events_of
from eventstore.errors import TooLarge, UnreadableBody
from eventstore.event import NewEvent
from scripts.lines import Block, Line, lines_of

_KEY: Final = b"member_id"


class Own(NamedTuple):
    """The portal whose events are read: its name for ever, and what people call it."""

    member_id: str
    slug: str


class Refused(NamedTuple):
    """A line, or a part of one, that cannot be read."""

    line: Line
    reason: str


class Read(NamedTuple):
    """What some lines said: events in the lines' order, as plain tuples, which travel faster."""

    events: list[tuple[Any, ...]]
    refused: list[Refused]


def read(block: Block, own: Own, how: Receiving, max_body: int) -> Read:
    """Make events of lines. Raises PortalMismatch for a line of another portal."""
    found = Read([], [])
    whose = own if may_name_another(block.body, own) else None
    for line in lines_of(block):
        for event in _events(line, whose, how, max_body):
            if isinstance(event, NewEvent):
                found.events.append(tuple(event))
            else:
                found.refused.append(Refused(line, str(event)))
    return found


def may_name_another(body: bytes, own: Own) -> bool:
    """Whether some of these bytes may name another portal; if not, they need not be parsed.

    They do not if they name this one wherever they name one, and have no escape that could spell
    the key otherwise.
    """
    named = f'"member_id":"{own.member_id}"'.encode()
    return body.count(_KEY) != body.count(named) or b"\\u00" in body


def _events(
    line: Line, own: Own | None, how: Receiving, max_body: int
) -> list[NewEvent | UnreadableBody]:
    if line.size > max_body:
        return [TooLarge(f"{line.size:,} bytes: beyond CHRONICLE_MAX_BODY")]
    try:
        tree = parse_json(line.body)
        if own is not None:
            check_portal(tree, own.member_id, own.slug)
        return events_of(tree, how)
    except UnreadableBody as reason:
        return [reason]
