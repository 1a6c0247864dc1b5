"""Chats and users: what was seen of them, field by field, and how it changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from pydantic_core import from_json
from sqlalchemy import Index

from eventstore.event import Instant
from projections.spans import Span
from projections.tables import table_of

_TYPE_OF_LETTER: Final = {
    "C": "chat",
    "P": "private",
    "O": "open",
    "L": "lines",
    "S": "system",
    "N": "channel",
    "J": "openChannel",
    "T": "thread",
    "A": "copilot",
    "B": "collab",
    "X": "external",
}
"""The words for a legacy chat type (reference, section 3.4). A new letter stays itself."""


class ChatRow(NamedTuple):
    """A chat as it was seen last. The fields are the columns, in their order."""

    portal_id: int
    chat_id: int
    title: str | None
    type: str | None
    owner_id: int | None
    entity_type: str | None
    entity_id: str | None
    parent_chat_id: int | None
    parent_message_id: int | None
    first_seen_at: Instant
    last_activity_at: Instant


class ChatVersionRow(NamedTuple):
    """What a chat showed from one moment until the next change."""

    portal_id: int
    chat_id: int
    version: int
    title: str | None
    type: str | None
    owner_id: int | None
    entity_type: str | None
    entity_id: str | None
    parent_chat_id: int | None
    parent_message_id: int | None
    from_at: Instant
    until_at: Instant | None


class UserRow(NamedTuple):
    """A user as they were seen last. `kind` is `user`, `bot`, or null where nothing told."""

    portal_id: int
    user_id: int
    name: str | None
    work_position: str | None
    kind: str | None
    first_seen_at: Instant
    last_seen_at: Instant


class UserVersionRow(NamedTuple):
    """What a user's profile showed from one moment until the next change."""

    portal_id: int
    user_id: int
    version: int
    name: str | None
    work_position: str | None
    kind: str | None
    from_at: Instant
    until_at: Instant | None


class ChatRows(NamedTuple):
    """All rows of one chat."""

    chat: ChatRow | None
    versions: tuple[ChatVersionRow, ...]


class UserRows(NamedTuple):
    """All rows of one user."""

    user: UserRow | None
    versions: tuple[UserVersionRow, ...]


chat: Final = table_of(
    "chat",
    ChatRow,
    Index("chat_activity", "portal_id", "last_activity_at", "chat_id"),
    Index("chat_parent", "portal_id", "parent_message_id"),
    key=2,
)
chat_version: Final = table_of(
    "chat_version",
    ChatVersionRow,
    Index("chat_version_parent", "portal_id", "parent_message_id"),
    key=3,
)
user_profile: Final = table_of("user_profile", UserRow, key=2)
user_profile_version: Final = table_of("user_profile_version", UserVersionRow, key=3)

_Known = dict[str, Any]
"""Fields that are known, by name."""

_ChatShown = tuple[
    str | None, str | None, int | None, str | None, str | None, int | None, int | None
]
_UserShown = tuple[str | None, str | None]
"""What people see of a chat, of a user: columns of their rows, from `title` or `name` on."""

_Shown = TypeVar("_Shown", _ChatShown, _UserShown)


def chat_rows(spans: Iterable[Span], contents: Mapping[int, str]) -> ChatRows:
    """Give the rows of one chat from all its spans, in any order.

    `contents` holds the content of every profile that they name. A title that changes and returns
    within a day is seen as one span each way.
    """
    seen = [*spans]
    if not seen:
        return ChatRows(None, ())
    folded = _fold(seen, contents)
    word = next((known["type"] for _, known in folded if known.get("type")), None)
    changes = _changes((at, _shown_of_chat(known, word)) for at, known in folded)
    portal_id, chat_id = seen[0].portal_id, seen[0].subject_id
    shown = changes[-1][1] if changes else _shown_of_chat({}, None)
    return ChatRows(
        ChatRow(portal_id, chat_id, *shown, *_ends(seen)),
        tuple(
            ChatVersionRow(portal_id, chat_id, number, *fields, at, until)
            for number, at, fields, until in _numbered(changes)
        ),
    )


def user_rows(spans: Iterable[Span], contents: Mapping[int, str]) -> UserRows:
    """Give the rows of one user from all their spans, in any order.

    `contents` holds the content of every profile that they name. Who was a bot once is a bot; that
    alone is no version.
    """
    seen = [*spans]
    if not seen:
        return UserRows(None, ())
    folded = _fold(seen, contents)
    kinds = {known.get("kind") for _, known in folded}
    kind = "bot" if "bot" in kinds else "user" if "user" in kinds else None
    changes = _changes((at, _shown_of_user(known)) for at, known in folded)
    portal_id, user_id = seen[0].portal_id, seen[0].subject_id
    shown = changes[-1][1] if changes else _shown_of_user({})
    return UserRows(
        UserRow(portal_id, user_id, *shown, kind, *_ends(seen)),
        tuple(
            UserVersionRow(portal_id, user_id, number, *fields, kind, at, until)
            for number, at, fields, until in _numbered(changes)
        ),
    )


def _fold(spans: Sequence[Span], contents: Mapping[int, str]) -> list[tuple[Instant, _Known]]:
    """Say what was known after each moment that changed it: what is left out says nothing."""
    seen = {named: from_json(contents[named]) for named in {span.profile for span in spans}}
    moments = {(at, span.profile) for span in spans for at in (span.first_at, span.last_at)}
    known: _Known = {}
    folded: list[tuple[Instant, _Known]] = []
    for at, named in sorted(moments):
        if not seen[named].items() <= known.items():
            known = {**known, **seen[named]}
            folded.append((at, known))
    return folded


def _ends(spans: Sequence[Span]) -> tuple[Instant, Instant]:
    return min(span.first_at for span in spans), max(span.last_at for span in spans)


def _shown_of_chat(known: _Known, first_word: str | None) -> _ChatShown:
    """Show what is known of a chat. A word for its type, known once, is better than any letter."""
    kind = known.get("type")
    if not kind and "letter" in known:
        kind = first_word or _TYPE_OF_LETTER.get(known["letter"], known["letter"])
    return (
        known.get("title") or None,
        kind or None,
        known.get("owner_id"),
        known.get("entity_type") or None,
        known.get("entity_id") or None,
        known.get("parent_chat_id"),
        known.get("parent_message_id"),
    )


def _shown_of_user(known: _Known) -> _UserShown:
    return known.get("name") or None, known.get("work_position") or None


def _changes(shown: Iterable[tuple[Instant, _Shown]]) -> list[tuple[Instant, _Shown]]:
    """Close up what is equal, and leave out the time before anything was shown.

    Of what was seen at one moment, only the last stands: a version lasts.
    """
    changes: list[tuple[Instant, _Shown]] = []
    for at, fields in shown:
        if changes and changes[-1][0] == at:
            changes.pop()
        if changes[-1][1] != fields if changes else any(field is not None for field in fields):
            changes.append((at, fields))
    return changes


def _numbered(
    changes: Sequence[tuple[Instant, _Shown]],
) -> Iterator[tuple[int, Instant, _Shown, Instant | None]]:
    """Number the versions; each lasts until the next."""
    for number, (at, fields) in enumerate(changes, 1):
        yield number, at, fields, changes[number][0] if number < len(changes) else None
