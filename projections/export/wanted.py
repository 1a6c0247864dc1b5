"""The question that an export answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from eventstore.event import Instant
from projections.export.names import FormatName, PageName, TableName


class Said(BaseModel):
    """What a file of ours says, in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def spelled(self) -> bytes:
        """Spell it as it stands in its file."""
        return to_json(self, indent=2) + b"\n"


class Wanted(Said):
    """The question that an export answers, in the words of whoever asks.

    With `from_position` it is an increment: the rows of each table that the positions from there
    on changed, each with an `op`. With `withhold`, texts that were deleted or replaced are left
    out, and `withheld` says so.

    `chats` leaves of users those who were, wrote or reacted there; of events those that tell of
    it. `since` and `until` bound each table's `month` column, and leave out rows of which that is
    not known; chats and users are shown of all times, since they name what the others show. As of
    a moment, there are the events that were sent by then, and the changes that were of then.

    With format `html` it is one page a chat, of messages posted in that window, and has no tables;
    `zone` is where its times are told.
    """

    portal: str
    format: FormatName | PageName
    tables: tuple[TableName, ...]
    from_position: Annotated[int, Field(ge=1)] | None = None
    as_of: Instant | None = None
    chats: tuple[int, ...] | None = None
    since: Instant | None = None
    until: Instant | None = None
    formula_guard: bool = True
    byte_order_mark: bool = False
    withhold: bool = False
    zone: str = "UTC"
