"""What Chronicle tells of its own watching, as it is received."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from eventstore.envelope import Receiving, events_of
from eventstore.event import Instant, NewEvent
from tests.promises.received import FINGERPRINTS, KEY
from tests.promises.server import NOW
from tests.promises.simulated_portal import START

BEGIN: Final = START * 1_000_000
"""When the simulated portal's life begins."""

MINUTE: Final = 60_000_000


def rfc(at: Instant) -> str:
    """Spell a moment as a portal does."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat()


def watched(
    since: Instant,
    until: Instant,
    receiver: str = "user:58",
    *,
    sees: str = "everything",
    hole: tuple[Instant | None, str] | None = None,
) -> NewEvent:
    """A queue was watched."""
    before = hole and {"from": None if hole[0] is None else rfc(hole[0]), "cause": hole[1]}
    told = {"since": rfc(since), "until": rfc(until), "sees": sees, "hole": before}
    return _own("CHRONICLEQUEUEWATCHED", until, told, receiver)


def chat_read(
    chat_id: int,
    at: Instant,
    receiver: str = "user:58",
    *,
    access: str = "read",
    since: Instant | None = None,
) -> NewEvent:
    """A chat was read, or could not be."""
    told = {
        "chatId": chat_id,
        "access": access,
        "since": None if since is None else rfc(since),
        "chat": {"id": chat_id},
    }
    return _own("CHRONICLECHATREAD", at, told, receiver)


def watching() -> list[NewEvent]:
    """What two queues and a reading tell, an hour before a life begins and some days into it."""
    hour = 60 * MINUTE
    begin = BEGIN - hour
    return [
        watched(begin, begin + hour, hole=(None, "before_subscription")),
        watched(begin, begin + 2 * hour, hole=(None, "before_subscription")),
        watched(begin + 40 * hour, begin + 50 * hour, hole=(begin + 3 * hour, "foreign_reader")),
        watched(begin, begin + 26 * hour, "bot:931", sees="mentions"),
        chat_read(2201, begin + 51 * hour),
        chat_read(2202, begin + 52 * hour, access="lost"),
    ]


def _own(event_type: str, at: Instant, told: dict[str, Any], receiver: str) -> NewEvent:
    tree = {"type": event_type, "date": rfc(at), "data": told}
    how = Receiving(NOW, FINGERPRINTS, KEY, source="fetch", receiver=receiver)
    (event,) = events_of(json.loads(json.dumps(tree)), how)
    assert isinstance(event, NewEvent)
    return event
