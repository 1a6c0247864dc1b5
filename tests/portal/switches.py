"""What the reference leaves open, and what may fail: each can be switched."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Switches:
    """How this portal behaves; what is set holds from the next call, or the next deed, on."""

    answers: Literal["nextOffset", "lastEventId"] = "nextOffset"
    """The form of a page: the older one (before 25 March 2026) is still met (reference, 2.3)."""
    empty_offset: Literal["repeated", "null"] = "repeated"
    """What an empty page says is next; on the first call that is 0 (reference, 2.3)."""
    unsubscribing_wipes: bool = True
    """Docs say that recorded events stay readable; the core deletes them (reference, 2.3)."""
    system_messages_queued: bool = True
    """Whether CHAT_JOIN and CHAT_LEAVE come by a queue: nobody knows (reference, 3.8)."""
    rest_edits_queued: bool = False
    """Edits by REST were not seen in queues of users (reference, 1.5)."""
    own_bot_messages_queued: bool = True
    """Whether a bot's queue tells of what the bot wrote: nobody knows (reference, 1.1)."""
    deletion_marked: bool = False
    """Whether REST marks a soft deletion with `IS_DELETED` (reference, 3.2)."""
    edit_marked: bool = True
    """Whether REST marks an edit with `IS_EDITED` (reference, 3.2)."""
    history_days: float | None = None
    """How many days of history the plan shows (reference, 7); None for all."""
    late_by: float = 0.0
    """Seconds after which what is written now can be read, for a share of the rows."""
    late_share: float = 0.0
    """Of the rows that are written: how many are late (reference, 2.3, hazard b)."""
    network: Literal["up", "cut_before", "cut_after"] = "up"
    """Whether calls arrive, and whether answers do: `cut_after` does what was asked, unheard."""
    revision: int = 35
    """What `imbot.v2.Revision.get` says."""
