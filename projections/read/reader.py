"""What can be asked of the read models of one portal: as they are, or as of a moment."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from eventstore.event import Instant
from projections.coverage import ALWAYS, Evidence, Watched
from projections.members import MemberRow
from projections.messages import MessageRow, VersionRow
from projections.profiles import ChatVersionRow, UserRow, UserVersionRow
from projections.reactions import ReactionRow
from projections.read.beside import Beside
from projections.read.chats import ChatKey, CountedChat
from projections.read.counts import Counts
from projections.read.members import MemberKey
from projections.read.messages import Quoted
from projections.read.orphans import Orphans
from projections.read.reactions import ReactionKey
from projections.read.search import Hit, HitKey, Wanted
from projections.read.users import Named, NamesSeen
from projections.search.terms import Term


class Reader(Protocol):
    """Reads one portal at one moment: of what is asked for, None or nothing is not known.

    Every method raises StoreUnavailable when the read models cannot be read.
    """

    async def message(self, message_id: int) -> MessageRow | None:
        """Return a message."""

    async def newer(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        """Return messages of a chat whose ids are above `key`, ascending."""

    async def older(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        """Return messages of a chat whose ids are below `key`, descending."""

    async def among(
        self, filters: Mapping[str, Any], *, key: int, limit: int, descending: bool = False
    ) -> list[MessageRow]:
        """Return messages whose ids are above `key`, ascending; or below it, descending.

        `filters` are those of `projections.read.filters`. `from` and `to` are a half-open window
        of the creation: a message whose creation nobody witnessed lies in none.
        """

    async def count(self, filters: Mapping[str, Any], *, most: int) -> int:
        """Count the messages that the filters keep, up to `most`."""

    async def hits(
        self, wanted: Wanted, *, key: HitKey, limit: int, descending: bool = False
    ) -> list[Hit]:
        """Return the hits of a search behind `key`, in the order of messages and versions."""

    async def count_hits(self, wanted: Wanted, *, most: int) -> int:
        """Count the hits of a search, up to `most`."""

    async def versions(self, message_id: int, *, skip: int, limit: int) -> Sequence[VersionRow]:
        """Return the versions of a message behind the first `skip`, oldest first.

        A late report may number them anew, so what `skip` counts is rows, not numbers.
        """

    async def reactions(
        self, message_id: int, *, held: bool, key: ReactionKey, limit: int
    ) -> list[ReactionRow]:
        """Return intervals behind `key`, by user, code and time; only the open ones if `held`."""

    async def provenance(self, message_id: int, *, after: int, limit: int) -> list[int]:
        """Return the positions behind `after` of the events that name a message, ascending."""

    async def beside(self, rows: Sequence[MessageRow]) -> Beside:
        """Return what belongs beside these messages."""

    async def quoted(self, message_ids: Collection[int]) -> Mapping[int, Quoted]:
        """Return what these messages are; those that nothing is known of are left out."""

    async def chat(self, chat_id: int) -> CountedChat | None:
        """Return a chat."""

    async def chats(
        self, *, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term] = ()
    ) -> list[CountedChat]:
        """Return chats behind `key`, most recent activity first.

        Of one type if asked, and those whose titles say all terms.
        """

    async def chat_exists(self, chat_id: int) -> bool:
        """Say whether a chat was seen."""

    async def chat_versions(self, chat_id: int) -> Sequence[ChatVersionRow]:
        """Return what a chat showed, oldest first."""

    async def members(
        self, chat_id: int, *, current: bool, key: MemberKey, limit: int
    ) -> list[MemberRow]:
        """Return intervals behind `key`, by user and time; only the open ones if `current`."""

    async def user(self, user_id: int) -> UserRow | None:
        """Return a user whose profile was seen."""

    async def user_versions(self, user_id: int) -> Sequence[UserVersionRow]:
        """Return what a user's profile showed, oldest first."""

    async def names(self, user_ids: Collection[int]) -> Mapping[int, Named]:
        """Return the names of users; those whose profile was never seen are left out."""

    async def names_seen(self, user_ids: Collection[int]) -> NamesSeen:
        """Return what users were called, ever."""

    async def evidence(self, chat_id: int, *, since: Instant = ALWAYS) -> Evidence:
        """Return all that tells of how a chat was seen since a moment."""

    async def watches(self) -> Sequence[Watched]:
        """Return how the queues of the portal were watched."""

    async def orphans(self, chat_id: int | None) -> Orphans | None:
        """Return what tells of unknown messages, in a chat or anywhere; None for no such answer.

        As of a moment there is none, nor for who sees messages of some time only.
        """

    async def counts(self, upto: int) -> Counts:
        """Count what is known, and what could not be decoded of the events up to a position."""
