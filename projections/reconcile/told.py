"""What a reading tells the log: the bodies of `eventstore.own_events`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import to_json

from eventstore.event import Instant
from eventstore.own_events import CHAT_READ, MEMBERS_READ, MESSAGES_READ

Access = Literal["read", "lost", "limited"]
Body = dict[str, Any]

_MOST: Final = 2**19
"""Bytes of messages in one event: more are told in several. Of one message it may be more."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Vouched(NamedTuple):
    """Between these two messages, both included, an answer is the whole truth."""

    begin: int
    end: int


class Given(NamedTuple):
    """What a portal answered of a chat's messages: as it spelled them, in any order."""

    method: str
    at: Instant
    messages: Sequence[Mapping[str, Any]]
    users: Sequence[Any]
    files: Sequence[Any]


def messages_read(
    chat_id: int, given: Given, vouched: Vouched, known: Collection[int]
) -> Iterator[Body]:
    """Tell of messages: of many long ones in several bodies, each of which vouches for its part."""
    parts = [*_parts(sorted(given.messages, key=number_of))]
    ends = [number_of(part[0]) - 1 for part in parts[1:]]
    begins = [vouched.begin, *(end + 1 for end in ends)]
    for part, begin, end in zip(parts, begins, [*ends, vouched.end], strict=True):
        yield _body(
            MESSAGES_READ,
            given.at,
            {
                "method": given.method,
                "chatId": chat_id,
                "from": begin,
                "to": end,
                "known": sorted(each for each in known if begin <= each <= end),
                "messages": part,
                "users": list(given.users),
                "files": list(given.files),
            },
        )


def members_read(  # noqa: PLR0913 - what such an event tells
    chat_id: int,
    method: str,
    at: Instant,
    *,
    members: Sequence[int],
    users: Sequence[Any],
    known: Collection[int],
) -> Body:
    """Tell who is in a chat, and who was looked for."""
    return _body(
        MEMBERS_READ,
        at,
        {
            "method": method,
            "chatId": chat_id,
            "known": sorted(known),
            "members": list(members),
            "users": list(users),
        },
    )


def chat_read(
    chat_id: int, began: Instant, access: Access, since: Instant | None, chat: Any
) -> Body:
    """Tell how the reading of a chat ended, and how far back it is read without a break."""
    told = {
        "chatId": chat_id,
        "access": access,
        "since": None if since is None else spelled(since),
        "chat": chat,
    }
    return _body(CHAT_READ, began, told)


def spelled(at: Instant) -> str:
    """Spell a moment, as in RFC 3339."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat()


def number_of(message: Mapping[str, Any]) -> int:
    """Return the id of a message. Raises ValueError or TypeError for what is none."""
    return int(message["id"])


def _parts(messages: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    part: list[Mapping[str, Any]] = []
    size = 0
    for message in messages:
        length = len(to_json(message))
        if part and size + length > _MOST:
            yield part
            part, size = [], 0
        part.append(message)
        size += length
    yield part


def _body(event_type: str, at: Instant, data: Body) -> Body:
    return {"type": event_type, "date": spelled(at), "data": data}
