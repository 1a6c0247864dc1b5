"""An event: what a portal sent, before and after it has a place in the log."""

from typing import Final, NamedTuple

Instant = int
"""A moment: microseconds since 1970-01-01T00:00:00Z. One spelling on every engine."""

MAX_INSTANT: Final[Instant] = 2**63 - 1
"""Later than every moment."""


class NewEvent(NamedTuple):
    """An event on its way to the log: redacted, keyed, without a position."""

    key: str
    source: str
    receiver: str
    sequence: int | None
    event_type: str
    received_at: Instant
    sent_at: Instant | None
    payload: str


class Event(NamedTuple):
    """An event in the log of one portal. The fields are the columns, in their order."""

    portal_id: int
    position: int
    key: str
    source: str
    receiver: str
    sequence: int | None
    event_type: str
    received_at: Instant
    sent_at: Instant | None
    payload: str
    salt: bytes
    commitment: bytes
    leaf: bytes


class StoredEvent(NamedTuple):
    """The same as it is proved: the payload as the bytes of its text."""

    portal_id: int
    position: int
    key: str
    source: str
    receiver: str
    sequence: int | None
    event_type: str
    received_at: Instant
    sent_at: Instant | None
    payload: bytes
    salt: bytes
    commitment: bytes
    leaf: bytes
