"""The events that Chronicle itself tells: what it read over REST, and how it watched a queue.

They stand in the log beside what portals send, because what was *not* seen can be told from
nothing else. On the wire each is an object of `type`, `date` and `data`, without the `eventId` of
a queue item. All times are RFC 3339, of the portal's clock. `date` is the moment that it tells of.

| type | source | `data` |
|---|---|---|
| `CHRONICLEMESSAGESREAD` | rest | `method`, `chatId`, `from`, `to`, `known`, and three below |
| `CHRONICLEMEMBERSREAD` | rest | `method`, `chatId`, `known`, `members`, `users` |
| `CHRONICLECHATREAD` | rest | `chatId`, `access`, `since`, `chat` |
| `CHRONICLEQUEUEWATCHED` | fetch | `method`, `since`, `until`, `sees`, `hole` |

- `messages`, `users` and `files`, `members`, and `chat` are as the portal answered. Between the
  message ids `from` and `to`, both included, the answer is the whole truth: what is not in it is
  not there any more; null vouches for nothing. `known` are the ids that Chronicle had there and
  looked for, or the members that it knew of.
- `access` says how the reading of a chat ended: `read`, `lost` (the portal refused it) or `limited`
  (its plan hides older history). `since` is the posting time of the oldest message that was read,
  null for the whole history. `date` is when the reading began.
- A queue was watched without a break from `since` until `until`, which is `date`. `sees` is
  `everything` or `mentions`. `hole`, null or `{"from", "cause"}`, is what was not seen right before
  `since`; its `from` is null where that has no beginning.
"""

import hmac
from typing import Any, Final, NamedTuple

MESSAGES_READ: Final = "CHRONICLEMESSAGESREAD"
MEMBERS_READ: Final = "CHRONICLEMEMBERSREAD"
CHAT_READ: Final = "CHRONICLECHATREAD"
QUEUE_WATCHED: Final = "CHRONICLEQUEUEWATCHED"


class _Manner(NamedTuple):
    """How an event of ours comes to the log, and what its key begins with."""

    source: str
    key: str


_MANNERS: Final = {
    MESSAGES_READ: _Manner("rest", "rest"),
    MEMBERS_READ: _Manner("rest", "rest"),
    CHAT_READ: _Manner("rest", "rest"),
    QUEUE_WATCHED: _Manner("fetch", "watch"),
}


def is_own(tree: dict[str, Any]) -> bool:
    """Say whether a body is an event that Chronicle tells."""
    event_type = tree.get("type")
    return isinstance(event_type, str) and event_type in _MANNERS and "eventId" not in tree


def source_of(event_type: str) -> str:
    """Return how an event of ours comes to the log, whoever brings it there."""
    return _MANNERS[event_type].source


def key_of(event_type: str, payload: str, receiver: str, portal_key: bytes) -> str:
    """Name an event of ours by its content and by who saw it: told again, it is the same one."""
    digest = hmac.digest(portal_key, f"{receiver}\n{payload}".encode(), "sha256").hex()
    return f"{_MANNERS[event_type].key}:{digest}"
