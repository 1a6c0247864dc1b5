"""Facts and reports for tests: one message, one chat, seconds since a moment."""

from typing import Any, Final

from projections.agree import CHANGE, POSTING, Report
from projections.facts import Fact, Kind, canonical_json

SECOND: Final = 1_000_000
START: Final = 1_700_000_000 * SECOND
QUEUE: Final = "user:27"
WEBHOOK: Final = "bot:912"


def moment(second: float) -> int:
    """A moment, so many seconds after the start."""
    return START + int(second * SECOND)


def fact(
    kind: Kind, second: float = 0, *, seen: dict[str, Any] | None = None, **columns: Any
) -> Fact:
    """A fact about message 5 of chat 7. It came by a queue if it has a sequence."""
    known: dict[str, Any] = {
        "portal_id": 1,
        "position": 1,
        "ordinal": 0,
        "kind": kind,
        "message_id": 5,
        "chat_id": 7,
        "user_id": 41,
        "occurred_at": moment(second),
        "sequence": None,
        "basis": "event",
        "witness": WEBHOOK if columns.get("sequence") is None else QUEUE,
        "text": None,
        "code": None,
        "chat_profile": None,
        "user_profile": None,
        "detail": canonical_json(seen) if seen else None,
    }
    return Fact(**(known | columns))


def report(
    text: str, second: float = 0, sequence: int | None = None, *, by: str = "", rank: int = CHANGE
) -> Report:
    """A report of an edit, unless it is said to be of the posting."""
    witness = by or (WEBHOOK if sequence is None else QUEUE)
    kind: Kind = "message_posted" if rank == POSTING else "message_edited"
    told = fact(kind, second, text=text, sequence=sequence, witness=witness)
    return Report(rank, told.occurred_at, sequence, witness, text, told, {})
