"""Which events are understood, and what each may say."""

from typing import Final, NamedTuple

from projections.decode import im_v2, imbot_v2, legacy, snapshots, watching
from projections.facts import Kind

_FAMILIES: Final = (
    ("legacy", legacy.DECODERS),
    ("imbot_v2", imbot_v2.DECODERS),
    ("im_v2", im_v2.DECODERS),
    ("chronicle", watching.DECODERS),
    ("chronicle", snapshots.DECODERS),
)
_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "MESSAGEADD": ("message_posted", "member_left"),
    "MESSAGEUPDATE": ("message_edited",),
    "MESSAGEDELETE": ("message_deleted",),
    "REACTIONCHANGE": ("reaction_added", "reaction_removed"),
    "JOINCHAT": ("member_joined",),
    "COMMANDADD": ("command_called", "message_posted"),
    "CONTEXTGET": ("context_opened",),
    "BOTDELETE": ("bot_unregistered",),
    "V2DELETE": ("bot_unregistered",),
    "QUEUEWATCHED": ("queue_watched",),
    "CHATREAD": ("chat_observed",),
    "MESSAGESREAD": ("message_observed", "member_left"),
    "MEMBERSREAD": ("member_observed",),
}


class EventType(NamedTuple):
    """A type of event, its family, and the kinds of facts that it may be decoded to."""

    event_type: str
    family: str
    facts: tuple[Kind, ...]


def _facts_of(event_type: str) -> tuple[Kind, ...]:
    return next(kinds for ending, kinds in _KINDS.items() if event_type.endswith(ending))


EVENT_TYPES: Final = tuple(
    EventType(event_type, family, _facts_of(event_type))
    for family, decoders in _FAMILIES
    for event_type in decoders
)
"""Every type of event that says something about chats."""
