"""The vocabulary: everything that the read models know, they know as facts."""

from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import to_json

from eventstore.event import Instant

Kind = Literal[
    "message_posted",
    "message_edited",
    "message_deleted",
    "reaction_added",
    "reaction_removed",
    "member_joined",
    "member_left",
    "bot_unregistered",
    "command_called",
    "context_opened",
    "message_observed",
    "member_observed",
    "chat_observed",
    "queue_watched",
]

Basis = Literal["event", "observed", "rest_snapshot", "inferred", "unknown"]
"""What kind of knowledge this is: the source said it, it was seen on something else, it was read
over REST, so that it happened at some time before, it was concluded, or nobody said."""

MAX_ID: Final = 2**63 - 1
"""The largest id that both engines can hold."""


class Fact(NamedTuple):
    """A statement of what happened, in the past tense. The fields are the columns, in their order.

    `user_id` is the author of a posting, an edit or a deletion; who reacted, joined, left, called
    or opened; the bot that was unregistered. `text` is what the message said then, also on a
    reaction, where it is an observation; None says nothing, "" says empty. `code` is the reaction,
    the command's name without slash, or a system message's CODE. `sequence` is the queue item's
    eventId: a fact that has one came by a queue. `chat_profile` and `user_profile` name what was
    seen of a chat and of a user on the way. `detail` is a JSON object, or None:

    | key | on | means |
    |---|---|---|
    | `posted_at` | any message fact but a posting | the message's creation, as seen on it |
    | `system` | posting, edit | true: a system message |
    | `weak` | posting, edit | true: the bot's mention was cut from the text |
    | `attached` | posting, edit | true: an attachment or a keyboard rides on it |
    | `files` | posting, edit | `[{"id", "name", "type", "size"}]`, unknown parts null |
    | `reply_to` | posting, edit | `{"message_id", "author_id", "text"}` |
    | `forward` | posting, edit | `{"chat_id", "message_id", "author_id"}` |
    | `actor` | edit, deletion | the user whose token the webhook carried: a hint at who acted |
    | `author` | reaction, command | the author of the message it names |
    | `by` | joined | who added the member |
    | `dialog_user` | joined | the other one of a private chat whose id was not told |
    | `bot`, `params`, `context` | command | whom it called, with what, and how it was typed |
    | `gone` | message observed | true: it was looked for, and is not there any more |
    | `deleted` | message observed | true: a notice stands where its text was |
    | `since` | chat observed | the posting time of the oldest message read, left out for all |
    | `since`, `sees`, `hole` | queue watched | as `eventstore.own_events` tells, in microseconds |
    """

    portal_id: int
    position: int
    ordinal: int
    kind: Kind
    message_id: int | None
    chat_id: int | None
    user_id: int | None
    occurred_at: Instant
    sequence: int | None
    basis: Basis
    witness: str
    text: str | None
    code: str | None
    chat_profile: int | None
    user_profile: int | None
    detail: str | None


class Decoded(NamedTuple):
    """What one event says: its facts, and the content of the profiles that they name."""

    facts: tuple[Fact, ...]
    profiles: dict[int, str]


class Profile(NamedTuple):
    """What was seen of one chat or one user: an id made from its content, and the content."""

    id: int
    content: str


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces."""
    return to_json(_sorted(value)).decode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


@lru_cache(maxsize=65_536)
def profile(
    subject: Literal["chat", "user", "queue"], subject_id: int, *seen: tuple[str, Any]
) -> Profile:
    """Name what was seen of a chat, a user, or how a queue was watched (`projections.stretches`).

    The same content has the same id for ever: 63 bits of its SHA-256. Give each part that was
    seen as a (field, value) pair; what is left out says nothing.

    Chat fields: `title`, `type` (imbot v2's word), `letter` (the one-letter code), `owner_id`,
    `entity_type`, `entity_id`, `parent_chat_id`, `parent_message_id`.
    User fields: `name`, `work_position`, `kind` (`user` or `bot`).
    """
    content = canonical_json({subject: subject_id, **dict(seen)})
    digest = sha256(content.encode()).digest()
    return Profile(int.from_bytes(digest[:8], "big") >> 1, content)
