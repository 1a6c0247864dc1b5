"""Commitments and leaves: what proves that a stored event is the one that was appended."""

import hashlib
import hmac
from typing import Final

from eventstore.event import Event, NewEvent

_ABSENT: Final = b"\xff\xff\xff\xff"


def commitment(salt: bytes, payload: str) -> bytes:
    """Return HMAC-SHA256(salt, payload): it outlives the erasure of both and tells nothing."""
    return hmac.digest(salt, payload.encode(), "sha256")


def leaf(portal_id: int, position: int, event: NewEvent | Event, committed: bytes) -> bytes:
    """Return SHA-256(0x00, every header field length-prefixed, commitment).

    Integers are their decimal digits; a field is preceded by its length in four bytes,
    big-endian; an absent one is four bytes 0xff (docs/formats.md has test vectors).
    """
    parts = [b"\x00"]
    for value in (
        portal_id,
        position,
        event.key,
        event.source,
        event.receiver,
        event.sequence,
        event.event_type,
        event.received_at,
        event.sent_at,
    ):
        if value is None:
            parts.append(_ABSENT)
        else:
            field = str(value).encode()
            parts.append(len(field).to_bytes(4, "big"))
            parts.append(field)
    parts.append(committed)
    return hashlib.sha256(b"".join(parts)).digest()


def differences(event: Event) -> list[str]:
    """Name the columns of a stored event that are not what was appended."""
    wrong = []
    if commitment(event.salt, event.payload) != event.commitment:
        wrong.append("commitment")
    if leaf(event.portal_id, event.position, event, event.commitment) != event.leaf:
        wrong.append("leaf")
    return wrong
