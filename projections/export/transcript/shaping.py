"""From the rows of messages and members to what a page shows of them."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from markupsafe import Markup
from pydantic_core import from_json

from eventstore.event import Instant
from projections.bbcode import mentioned
from projections.export.transcript.names import Names
from projections.export.transcript.shapes import (
    Done,
    Member,
    Message,
    Place,
    Reaction,
    Reply,
    Text,
    When,
    Who,
)
from projections.facts import Basis
from projections.html import html
from projections.members import MemberRow
from projections.messages import MessageRow, VersionRow
from projections.reactions import ReactionRow


class Told(NamedTuple):
    """A message, and what belongs to it. `reply` is what its row says of it, read."""

    row: MessageRow
    versions: Sequence[VersionRow]
    reactions: Sequence[ReactionRow]
    reply: Any

    @property
    def named(self) -> set[int | None]:
        """All users whom it names."""
        found: set[int | None] = {self.row.author_id, self.row.edited_by, self.row.deleted_by}
        found |= {each.user_id for each in self.reactions}
        if self.reply:
            found |= {self.reply["author_id"], *mentioned(self.reply["text"] or "")}
        return found.union(*(mentioned(each.text) for each in self.versions))


class Shaping:
    """Shapes rows, with the names of their time. With `withhold`, what was taken back is left out.

    `names` must know whom the rows name.
    """

    def __init__(self, names: Names, *, withhold: bool) -> None:
        self._names = names
        self._withhold = withhold

    def member(self, row: MemberRow) -> Member:
        """Shape a stay."""
        left = _when(row.left_at, row.left_after, row.left_basis)
        joined = When(row.joined_at, None, row.joined_basis)
        who = self._names.who(row.user_id, row.first_seen_at)
        return Member(who, joined, row.first_seen_at, left)

    def message(self, told: Told, place: Place) -> Message:
        """Shape a message."""
        row = told.row
        return Message(
            place=place,
            id=row.message_id,
            author=self.who(row.author_id, row.posted_at),
            system=bool(row.system),
            posted=When(row.posted_at, None, row.posted_basis),
            texts=[*self._texts(row, told.versions)],
            edited=self._done(
                _when(row.edited_at, row.edited_after, row.edited_basis),
                row.edited_by,
                row.edited_by_basis,
            ),
            deleted=self._done(
                _when(row.deleted_at, row.deleted_after, row.deleted_basis),
                row.deleted_by,
                row.deleted_by_basis,
            ),
            reply=self._reply(told.reply, row.posted_at) if told.reply else None,
            forward=from_json(row.forward) if row.forward else None,
            files=from_json(row.files),
            reactions=[*map(self._reaction, told.reactions)],
            positions=(row.first_position, row.last_position),
            witnesses=from_json(row.witnesses),
        )

    def _texts(self, row: MessageRow, versions: Sequence[VersionRow]) -> Iterator[Text]:
        last = len(versions)
        for number, each in enumerate(versions, 1):
            deleted = number == last and row.deleted_basis is not None
            left_out = self._withhold and (number < last or deleted)
            yield Text(
                number=number,
                html=None if left_out else self._html(each.text, each.from_at),
                since=When(each.from_at, each.from_after, each.from_basis),
                until=_when(each.until_at, each.until_after, each.until_basis),
                standing="replaced" if number < last else "deleted" if deleted else "stands",
            )

    def _reply(self, reply: Any, at: Instant | None) -> Reply:
        # What is quoted may have been taken back since: it is left out as a whole.
        text = None if self._withhold else reply["text"]
        return Reply(
            reply["message_id"],
            self.who(reply["author_id"], at),
            None if text is None else self._html(text, at),
        )

    def _reaction(self, row: ReactionRow) -> Reaction:
        return Reaction(
            row.code,
            self._names.who(row.user_id, row.from_at or row.until_at),
            When(row.from_at, None, row.from_basis),
            _when(row.until_at, None, row.until_basis),
        )

    def _html(self, text: str, at: Instant | None) -> Markup:
        return Markup(html(text, partial(self._names.mentioned, at=at)))  # noqa: S704 - its promise

    def _done(self, when: When | None, by: int | None, by_basis: Basis | None) -> Done | None:
        return when and Done(when, self.who(by, when.at), by_basis or "unknown")

    def who(self, user_id: int | None, at: Instant | None) -> Who | None:
        """Return somebody by the name of that time, unless they are not known."""
        return None if user_id is None else self._names.who(user_id, at)


def _when(at: Instant | None, after: Instant | None, basis: Basis | None) -> When | None:
    return None if basis is None else When(at, after, basis)
