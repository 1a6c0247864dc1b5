"""What witnesses deliver, read and redacted as the doors do it."""

from typing import Final

from eventstore.body import parse_body
from eventstore.envelope import Receiving, events_of, webhook
from eventstore.event import NewEvent
from eventstore.redaction import Fingerprints
from tests.promises.server import NOW
from tests.promises.simulated_portal import Delivery

FINGERPRINTS: Final = Fingerprints(b"k" * 32)
KEY: Final = b"p" * 32


def received(delivery: Delivery, delivery_id: str) -> list[NewEvent]:
    """Give the events of a delivery."""
    tree = parse_body(delivery.body)
    if delivery.webhook:
        return [webhook(tree, delivery_id=delivery_id, received_at=NOW, fingerprints=FINGERPRINTS)]
    how = Receiving(NOW, FINGERPRINTS, KEY, source="fetch", receiver=delivery.receiver)
    return [event for event in events_of(tree, how) if isinstance(event, NewEvent)]
