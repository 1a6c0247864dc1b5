"""Reading a portal as it is: from the rows of its read models."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventstore.database import Session
from eventstore.event import Instant
from projections.coverage import ALWAYS, Evidence, Watched
from projections.members import MemberRow
from projections.messages import MessageRow, VersionRow
from projections.profiles import ChatVersionRow, UserRow, UserVersionRow
from projections.reactions import ReactionRow
from projections.read import (
    beside,
    chats,
    counts,
    coverage,
    members,
    messages,
    orphans,
    provenance,
    reactions,
    search,
    users,
)
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
from projections.view import View


@dataclass(frozen=True)
class Now:
    """A Reader of what is so now; of lists of messages, what was told of by `position`."""

    session: Session
    portal_id: int
    position: int

    async def message(self, message_id: int) -> MessageRow | None:
        return await messages.one(self.session, self.portal_id, message_id)

    async def newer(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        return await messages.newer(
            self.session, self.portal_id, chat_id, key=key, began_at=self.position, limit=limit
        )

    async def older(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        return await messages.older(
            self.session, self.portal_id, chat_id, key=key, began_at=self.position, limit=limit
        )

    async def among(
        self, filters: Mapping[str, Any], *, key: int, limit: int, descending: bool = False
    ) -> list[MessageRow]:
        return await messages.among(
            self.session, self.portal_id, filters, key=key, limit=limit, descending=descending
        )

    async def count(self, filters: Mapping[str, Any], *, most: int) -> int:
        return await messages.count(self.session, self.portal_id, filters, most=most)

    async def hits(
        self, wanted: Wanted, *, key: HitKey, limit: int, descending: bool = False
    ) -> list[Hit]:
        return await search.hits(
            self.session, self.portal_id, wanted, key=key, limit=limit, descending=descending
        )

    async def count_hits(self, wanted: Wanted, *, most: int) -> int:
        return await search.count(self.session, self.portal_id, wanted, most=most)

    async def versions(self, message_id: int, *, skip: int, limit: int) -> Sequence[VersionRow]:
        return await messages.versions(
            self.session,
            self.portal_id,
            message_id,
            began_at=self.position,
            skip=skip,
            limit=limit,
        )

    async def reactions(
        self, message_id: int, *, held: bool, key: ReactionKey, limit: int
    ) -> list[ReactionRow]:
        return await reactions.intervals(
            self.session, self.portal_id, message_id, held=held, key=key, limit=limit
        )

    async def provenance(self, message_id: int, *, after: int, limit: int) -> list[int]:
        return await provenance.positions(
            self.session,
            self.portal_id,
            message_id,
            after=after,
            view=View(self.position),
            limit=limit,
        )

    async def beside(self, rows: Sequence[MessageRow]) -> Beside:
        return await beside.beside(
            self.session,
            self.portal_id,
            [row.message_id for row in rows],
            user_ids={row.author_id for row in rows if row.author_id},
            chat_ids={row.chat_id for row in rows if row.chat_id is not None},
        )

    async def quoted(self, message_ids: Collection[int]) -> Mapping[int, Quoted]:
        return await messages.quoted(self.session, self.portal_id, message_ids)

    async def chat(self, chat_id: int) -> CountedChat | None:
        return await chats.one(self.session, self.portal_id, chat_id)

    async def chats(
        self, *, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term] = ()
    ) -> list[CountedChat]:
        asked = self.session, self.portal_id
        if terms:
            return await chats.titled(*asked, terms, of_type=of_type, key=key, limit=limit)
        return await chats.latest(*asked, of_type=of_type, key=key, limit=limit)

    async def chat_exists(self, chat_id: int) -> bool:
        return await chats.exists(self.session, self.portal_id, chat_id)

    async def chat_versions(self, chat_id: int) -> Sequence[ChatVersionRow]:
        return await chats.versions(self.session, self.portal_id, chat_id)

    async def members(
        self, chat_id: int, *, current: bool, key: MemberKey, limit: int
    ) -> list[MemberRow]:
        return await members.intervals(
            self.session, self.portal_id, chat_id, current=current, key=key, limit=limit
        )

    async def user(self, user_id: int) -> UserRow | None:
        return await users.one(self.session, self.portal_id, user_id)

    async def user_versions(self, user_id: int) -> Sequence[UserVersionRow]:
        return await users.versions(self.session, self.portal_id, user_id)

    async def names(self, user_ids: Collection[int]) -> Mapping[int, Named]:
        return await users.names(self.session, self.portal_id, user_ids)

    async def names_seen(self, user_ids: Collection[int]) -> NamesSeen:
        return await users.names_seen(self.session, self.portal_id, user_ids)

    async def evidence(self, chat_id: int, *, since: Instant = ALWAYS) -> Evidence:
        return await coverage.evidence(
            self.session, self.portal_id, chat_id, self.position, since=since
        )

    async def watches(self) -> Sequence[Watched]:
        return await coverage.watches(self.session, self.portal_id)

    async def orphans(self, chat_id: int | None) -> Orphans | None:
        return await orphans.orphans(self.session, self.portal_id, chat_id)

    async def counts(self, upto: int) -> Counts:
        return await counts.counts(self.session, self.portal_id, upto)
