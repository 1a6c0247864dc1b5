"""Reading only what a token may see: some chats, messages of some time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from eventstore.directory import Limits
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
from projections.read.reader import Reader
from projections.read.search import Hit, HitKey, Wanted
from projections.read.users import Named, NamesSeen
from projections.search.terms import Term

_HIDDEN: Final = Quoted("hidden", None)
_MOST: Final = 2**63 - 1


def walks(limits: Limits, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the filters of the walks that together find what may be seen: one a chat."""
    window = {
        "from": max(_given(filters.get("from"), limits.since), default=None),
        "to": min(_given(filters.get("to"), limits.until), default=None),
    }
    narrowed = {**filters, **{name: at for name, at in window.items() if at is not None}}
    if limits.chats is None:
        return [narrowed]
    if "chat" in filters:
        return [narrowed] if filters["chat"] in limits.chats else []
    return [{**narrowed, "chat": chat_id} for chat_id in sorted(limits.chats)]


def _given(*moments: Instant | None) -> list[Instant]:
    return [moment for moment in moments if moment is not None]


@dataclass(frozen=True)
class Narrowed:
    """A Reader of what a token may see of what another one reads; the rest is not known.

    The window narrows messages, and counts of them; chats, their titles and their members it
    leaves as they are. A user is known who is, or was, a member or an author there.
    """

    reader: Reader
    limits: Limits

    def _shows_chat(self, chat_id: int | None) -> bool:
        return self.limits.chats is None or chat_id in self.limits.chats

    def _shows(self, row: MessageRow) -> bool:
        if not self._shows_chat(row.chat_id):
            return False
        if not self.limits.windowed:
            return True
        since, until = self.limits.since, self.limits.until
        return (
            row.posted_at is not None
            and (since is None or row.posted_at >= since)
            and (until is None or row.posted_at < until)
        )

    async def message(self, message_id: int) -> MessageRow | None:
        row = await self.reader.message(message_id)
        return row if row is not None and self._shows(row) else None

    async def newer(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        if not self.limits.windowed:
            shown = self._shows_chat(chat_id)
            return await self.reader.newer(chat_id, key=key, limit=limit) if shown else []
        return await self.among({"chat": chat_id}, key=key, limit=limit)

    async def older(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        if not self.limits.windowed:
            shown = self._shows_chat(chat_id)
            return await self.reader.older(chat_id, key=key, limit=limit) if shown else []
        return await self.among({"chat": chat_id}, key=key, limit=limit, descending=True)

    async def among(
        self, filters: Mapping[str, Any], *, key: int, limit: int, descending: bool = False
    ) -> list[MessageRow]:
        found = [
            await self.reader.among(each, key=key, limit=limit, descending=descending)
            for each in walks(self.limits, filters)
        ]
        in_order = merge(*found, key=lambda row: row.message_id, reverse=descending)
        return list(islice(in_order, limit))

    async def count(self, filters: Mapping[str, Any], *, most: int) -> int:
        found = 0
        for each in walks(self.limits, filters):
            found += await self.reader.count(each, most=most - found)
        return found

    async def hits(
        self, wanted: Wanted, *, key: HitKey, limit: int, descending: bool = False
    ) -> list[Hit]:
        found = [
            await self.reader.hits(each, key=key, limit=limit, descending=descending)
            for each in self._wanted(wanted)
        ]
        in_order = merge(*found, key=lambda hit: hit.key, reverse=descending)
        return list(islice(in_order, limit))

    async def count_hits(self, wanted: Wanted, *, most: int) -> int:
        found = 0
        for each in self._wanted(wanted):
            found += await self.reader.count_hits(each, most=most - found)
        return found

    def _wanted(self, wanted: Wanted) -> list[Wanted]:
        return [wanted._replace(filters=each) for each in walks(self.limits, wanted.filters)]

    async def versions(self, message_id: int, *, skip: int, limit: int) -> Sequence[VersionRow]:
        if await self.message(message_id) is None:
            return ()
        return await self.reader.versions(message_id, skip=skip, limit=limit)

    async def reactions(
        self, message_id: int, *, held: bool, key: ReactionKey, limit: int
    ) -> list[ReactionRow]:
        if await self.message(message_id) is None:
            return []
        return await self.reader.reactions(message_id, held=held, key=key, limit=limit)

    async def provenance(self, message_id: int, *, after: int, limit: int) -> list[int]:
        if await self.message(message_id) is None:
            return []
        return await self.reader.provenance(message_id, after=after, limit=limit)

    async def beside(self, rows: Sequence[MessageRow]) -> Beside:
        found = await self.reader.beside(rows)
        return found._replace(
            comments={
                message_id: chat_id
                for message_id, chat_id in found.comments.items()
                if self._shows_chat(chat_id)
            }
        )

    async def quoted(self, message_ids: Collection[int]) -> Mapping[int, Quoted]:
        """Return what these messages are; of those that are not shown, that they are hidden."""
        found = await self.reader.quoted(message_ids)
        return {
            each: found[each] if await self.message(each) is not None else _HIDDEN
            for each in message_ids
        }

    async def chat(self, chat_id: int) -> CountedChat | None:
        if not self._shows_chat(chat_id):
            return None
        found = await self.reader.chat(chat_id)
        return None if found is None else await self._counted(found)

    async def chats(
        self, *, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term] = ()
    ) -> list[CountedChat]:
        if self.limits.chats is None or terms:
            found = await self._walked(of_type, key, limit, terms)
        else:
            each = [await self.reader.chat(chat_id) for chat_id in sorted(self.limits.chats)]
            found = sorted(
                (
                    chat
                    for chat in each
                    if chat is not None and of_type in {None, chat.row.type} and _place(chat) < key
                ),
                key=_place,
                reverse=True,
            )[:limit]
        return [await self._counted(chat) for chat in found]

    async def _walked(
        self, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term]
    ) -> list[CountedChat]:
        found: list[CountedChat] = []
        while len(found) < limit:
            page = await self.reader.chats(of_type=of_type, key=key, limit=limit, terms=terms)
            found += [chat for chat in page if self._shows_chat(chat.row.chat_id)]
            if len(page) < limit:
                break
            key = _place(page[-1])
        return found[:limit]

    async def _counted(self, chat: CountedChat) -> CountedChat:
        if not self.limits.windowed:
            return chat
        messages = await self.count({"chat": chat.row.chat_id}, most=_MOST)
        return chat._replace(messages=messages)

    async def chat_exists(self, chat_id: int) -> bool:
        return self._shows_chat(chat_id) and await self.reader.chat_exists(chat_id)

    async def chat_versions(self, chat_id: int) -> Sequence[ChatVersionRow]:
        return await self.reader.chat_versions(chat_id) if self._shows_chat(chat_id) else ()

    async def members(
        self, chat_id: int, *, current: bool, key: MemberKey, limit: int
    ) -> list[MemberRow]:
        if not self._shows_chat(chat_id):
            return []
        return await self.reader.members(chat_id, current=current, key=key, limit=limit)

    async def user(self, user_id: int) -> UserRow | None:
        return await self.reader.user(user_id) if await self._takes_part(user_id) else None

    async def user_versions(self, user_id: int) -> Sequence[UserVersionRow]:
        return await self.reader.user_versions(user_id) if await self._takes_part(user_id) else ()

    async def _takes_part(self, user_id: int) -> bool:
        if self.limits.chats is None or await self.among({"author": user_id}, key=-1, limit=1):
            return True
        before = MemberKey(user_id, -1)
        for chat_id in sorted(self.limits.chats):
            found = await self.reader.members(chat_id, current=False, key=before, limit=1)
            if found and found[0].user_id == user_id:
                return True
        return False

    async def names(self, user_ids: Collection[int]) -> Mapping[int, Named]:
        return await self.reader.names(user_ids)

    async def names_seen(self, user_ids: Collection[int]) -> NamesSeen:
        return await self.reader.names_seen(user_ids)

    async def evidence(self, chat_id: int, *, since: Instant = ALWAYS) -> Evidence:
        shown = self._shows_chat(chat_id)
        return await self.reader.evidence(chat_id, since=since) if shown else Evidence()

    async def watches(self) -> Sequence[Watched]:
        return await self.reader.watches() if self.limits.chats is None else ()

    async def orphans(self, chat_id: int | None) -> Orphans | None:
        if self.limits.windowed or not self._shows_chat(chat_id):
            return None
        return await self.reader.orphans(chat_id)

    async def counts(self, upto: int) -> Counts:
        return await self.reader.counts(upto)


def _place(chat: CountedChat) -> ChatKey:
    return ChatKey(chat.row.last_activity_at, chat.row.chat_id)
