"""What Chronicle tells of its own watching and reading, as it is received."""

import json
from collections.abc import Sequence
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


def messages_read(  # noqa: PLR0913 - what such an event tells
    chat_id: int,
    at: Instant,
    messages: Sequence[dict[str, Any]],
    receiver: str = "user:58",
    *,
    known: Sequence[int] = (),
    vouched: tuple[int, int] | tuple[None, None] = (None, None),
) -> NewEvent:
    """Messages of a chat were read; what is `known` between two ids was looked for."""
    told = {
        "method": "im.dialog.messages.get",
        "chatId": chat_id,
        "from": vouched[0],
        "to": vouched[1],
        "known": list(known),
        "messages": list(messages),
        "users": [{"id": 63, "name": "Hanna Lind", "work_position": "", "bot": False}],
        "files": [],
    }
    return _own("CHRONICLEMESSAGESREAD", at, told, receiver)


def members_read(
    chat_id: int, at: Instant, members: Sequence[int], known: Sequence[int] = ()
) -> NewEvent:
    """The members of a chat were read, and those that were known were looked for."""
    told = {
        "method": "im.chat.user.list",
        "chatId": chat_id,
        "known": list(known),
        "members": list(members),
        "users": [],
    }
    return _own("CHRONICLEMEMBERSREAD", at, told, "user:58")


def message(
    message_id: int, text: str, posted_at: Instant, *, author: int = 63, **params: Any
) -> dict[str, Any]:
    """A message as `im.dialog.messages.get` gives it."""
    return {
        "id": message_id,
        "chat_id": 2201,
        "author_id": author,
        "date": rfc(posted_at),
        "text": text,
        "params": params,
    }


def reading() -> list[NewEvent]:
    """What is read of a life, some days into it: some is not as it was told, some is gone."""
    known = [190_400, 190_401, 190_402, 190_403]
    page = [
        message(known[0], "Read as nobody told it", BEGIN),
        message(known[1], "Nothing", BEGIN, IS_DELETED="Y"),
        message(190_398, "Never told of at all", BEGIN),
    ]
    late = BEGIN + 53 * 60 * MINUTE
    return [
        messages_read(2201, late, page, known=known, vouched=(190_398, 190_402)),
        messages_read(2201, late + MINUTE, [message(known[2], "Back", BEGIN)]),
        members_read(2201, late, [58, 63], known=[41, 77]),
        members_read(2202, late, [], known=[41, 63]),
    ]


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
