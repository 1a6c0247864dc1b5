"""Events that nobody has appended yet."""

import json
from typing import Any

from eventstore.event import NewEvent
from eventstore.log import Origin

ORIGIN = Origin(1, b"k" * 32)
OTHER = Origin(2, b"o" * 32)


def new(key: str = "webhook:1", text: str = "hello", **changed: Any) -> NewEvent:
    """An event that nobody has appended yet."""
    event = NewEvent(
        key=key,
        source="webhook",
        receiver="app",
        sequence=None,
        event_type="ONIMBOTMESSAGEADD",
        received_at=1_789_370_101_000_000,
        sent_at=None,
        payload=json.dumps({"event": "ONIMBOTMESSAGEADD", "data": {"text": text}}),
    )
    return event._replace(**changed)
