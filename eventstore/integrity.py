"""Commitments and leaves: what proves that a stored event is the one that was appended."""

import hashlib
import hmac

from eventstore.event import Event, NewEvent, StoredEvent


def commitment(salt: bytes, payload: bytes) -> bytes:
    """Return HMAC-SHA256(salt, payload): it outlives the erasure of both and tells nothing."""
    return hmac.digest(salt, payload, "sha256")


def leaf(
    portal_id: int, position: int, event: NewEvent | Event | StoredEvent, committed: bytes
) -> bytes:
    """Return SHA-256(0x00, every header field length-prefixed, commitment).

    A field is the number of its characters, a colon and the field, integers in decimal digits; an
    absent one is a lone `-` (docs/formats.md has test vectors).
    """
    key, source, receiver, event_type = event.key, event.source, event.receiver, event.event_type
    sequence = "" if event.sequence is None else str(event.sequence)
    received_at = str(event.received_at)
    sent_at = "" if event.sent_at is None else str(event.sent_at)
    header = (
        f"{len(str(portal_id))}:{portal_id}{len(str(position))}:{position}"
        f"{len(key)}:{key}{len(source)}:{source}{len(receiver)}:{receiver}"
        f"{f'{len(sequence)}:{sequence}' if sequence else '-'}{len(event_type)}:{event_type}"
        f"{len(received_at)}:{received_at}{f'{len(sent_at)}:{sent_at}' if sent_at else '-'}"
    )
    return hashlib.sha256(b"\x00" + header.encode() + committed).digest()


def differences(event: StoredEvent) -> list[str]:
    """Name the columns of a stored event that are not what was appended."""
    wrong = []
    if commitment(event.salt, event.payload) != event.commitment:
        wrong.append("commitment")
    if leaf(event.portal_id, event.position, event, event.commitment) != event.leaf:
        wrong.append("leaf")
    return wrong
