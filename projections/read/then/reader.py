"""Reading a portal as of a moment."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from eventstore.database import Session
from eventstore.event import MAX_INSTANT, Instant
from projections.coverage import ALWAYS, Evidence, Watched
from projections.members import MemberRow
from projections.messages import MessageRow, VersionRow, message
from projections.profiles import ChatVersionRow, UserRow, UserVersionRow
from projections.reactions import ReactionRow
from projections.read import provenance
from projections.read.beside import Beside
from projections.read.chats import ChatKey, CountedChat
from projections.read.counts import UNDECODED, Counts
from projections.read.members import MemberKey
from projections.read.messages import Quoted
from projections.read.orphans import Orphans
from projections.read.reactions import ReactionKey
from projections.read.search import FIRST as FIRST_HIT
from projections.read.search import Hit, HitKey, Wanted
from projections.read.then import coverage
from projections.read.then.chats import Chats
from projections.read.then.facts import KNOWN_OF, TOLD_OF
from projections.read.then.hits import hits
from projections.read.then.members import Members
from projections.read.then.messages import FIRST, Messages, Walk
from projections.read.then.spans import BEGUN, CUT, INSIDE, as_of
from projections.read.then.users import Users
from projections.read.users import Named, NamesSeen
from projections.search.terms import Term
from projections.spans import Span
from projections.tables import span
from projections.view import View

_OF_PORTAL: Final = message.c.portal_id == bindparam("portal_id")
_MESSAGES: Final = select(func.count()).select_from(message).where(_OF_PORTAL, *TOLD_OF)
_COUNTS: Final = select(_MESSAGES.scalar_subquery(), UNDECODED)
_COUNTS_OF_BOTH: Final = select(_MESSAGES.where(KNOWN_OF).scalar_subquery(), UNDECODED)
_SUBJECTS: Final = (
    select(span.c.subject_id).distinct().where(*BEGUN, span.c.subject == bindparam("subject"))
)
_INSIDE: Final = _SUBJECTS.where(*INSIDE)


class Then:
    """A Reader of what was so in a view, in one session: folded from the facts that it knows."""

    def __init__(self, session: Session, portal_id: int, view: View, *, newest: int) -> None:
        """`newest` is what the session has: whether the view's position cuts anything off."""
        self._session = session
        self._portal_id = portal_id
        self._view = view
        self._certain = view.time == MAX_INSTANT or view.position >= newest
        self._messages = Messages(session, portal_id, view)
        self._chats = Chats(session, portal_id, view, self._messages, certain=self._certain)
        self._members = Members(session, portal_id, view)
        self._users = Users(session, portal_id, view)

    async def message(self, message_id: int) -> MessageRow | None:
        return (await self._messages.rows([message_id])).get(message_id)

    async def newer(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        return await self._messages.walk(Walk({"chat": chat_id}, key, limit))

    async def older(self, chat_id: int, *, key: int, limit: int) -> list[MessageRow]:
        return await self._messages.walk(Walk({"chat": chat_id}, key, limit, ascending=False))

    async def among(
        self, filters: Mapping[str, Any], *, key: int, limit: int, descending: bool = False
    ) -> list[MessageRow]:
        walk = Walk(filters, key, limit, ascending=not descending)
        return await self._messages.walk(walk)

    async def count(self, filters: Mapping[str, Any], *, most: int) -> int:
        return len(await self._messages.walk(Walk(filters, FIRST, most)))

    async def hits(
        self, wanted: Wanted, *, key: HitKey, limit: int, descending: bool = False
    ) -> list[Hit]:
        return await hits(
            self._session,
            self._portal_id,
            self._messages,
            wanted,
            key,
            limit,
            descending=descending,
        )

    async def count_hits(self, wanted: Wanted, *, most: int) -> int:
        return len(await self.hits(wanted, key=FIRST_HIT, limit=most))

    async def versions(self, message_id: int, *, skip: int, limit: int) -> Sequence[VersionRow]:
        found = await self._messages.versions([message_id])
        return found[message_id][skip : skip + limit] if found else ()

    async def reactions(
        self, message_id: int, *, held: bool, key: ReactionKey, limit: int
    ) -> list[ReactionRow]:
        rows = [
            row
            for row in await self._messages.reactions([message_id])
            if ReactionKey(row.user_id, row.code, row.ordinal) > key
            and not (held and row.until_basis is not None)
        ]
        return rows[:limit]

    async def provenance(self, message_id: int, *, after: int, limit: int) -> list[int]:
        return await provenance.positions(
            self._session, self._portal_id, message_id, after=after, view=self._view, limit=limit
        )

    async def beside(self, rows: Sequence[MessageRow]) -> Beside:
        held: defaultdict[int, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for reaction in await self._messages.reactions([row.message_id for row in rows]):
            if reaction.until_basis is None:
                held[reaction.message_id][reaction.code].append(reaction.user_id)
        return Beside.of(
            await self.names({row.author_id for row in rows if row.author_id}),
            held,
            await self._chats.comments(
                [row.message_id for row in rows],
                {row.chat_id for row in rows if row.chat_id is not None},
            ),
        )

    async def quoted(self, message_ids: Collection[int]) -> Mapping[int, Quoted]:
        rows = await self._messages.rows(message_ids)
        return {each: Quoted(row.state, row.text) for each, row in rows.items()}

    async def chat(self, chat_id: int) -> CountedChat | None:
        folded = await self._chats.folded([chat_id])
        rows = [rows.chat for rows in folded.values() if rows.chat]
        return (await self._chats.counted(rows))[0] if rows else None

    async def chats(
        self, *, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term] = ()
    ) -> list[CountedChat]:
        return await self._chats.latest(of_type=of_type, key=key, limit=limit, terms=terms)

    async def chat_exists(self, chat_id: int) -> bool:
        return bool(await self._chats.folded([chat_id]))

    async def chat_versions(self, chat_id: int) -> Sequence[ChatVersionRow]:
        folded = await self._chats.folded([chat_id])
        return folded[chat_id].versions if folded else ()

    async def members(
        self, chat_id: int, *, current: bool, key: MemberKey, limit: int
    ) -> list[MemberRow]:
        return await self._members.intervals(chat_id, current=current, key=key, limit=limit)

    async def user(self, user_id: int) -> UserRow | None:
        folded = await self._users.folded([user_id])
        return folded[user_id].user if folded else None

    async def user_versions(self, user_id: int) -> Sequence[UserVersionRow]:
        folded = await self._users.folded([user_id])
        return folded[user_id].versions if folded else ()

    async def names(self, user_ids: Collection[int]) -> Mapping[int, Named]:
        return await self._users.names(user_ids)

    async def names_seen(self, user_ids: Collection[int]) -> NamesSeen:
        folded = await self._users.folded(user_ids)
        return {
            each: [(version.from_at, version.name) for version in rows.versions]
            for each, rows in folded.items()
        }

    async def evidence(self, chat_id: int, *, since: Instant = ALWAYS) -> Evidence:
        found = await coverage.evidence(
            self._session, self._portal_id, chat_id, self._view, since=since
        )
        folded = await self._chats.folded([chat_id])
        private = any(rows.chat and rows.chat.type == "private" for rows in folded.values())
        return found._replace(private=private)

    async def watches(self) -> Sequence[Watched]:
        return await coverage.watches(self._session, self._portal_id, self._view)

    async def orphans(self, chat_id: int | None) -> Orphans | None:  # noqa: ARG002 - of a Reader
        return None

    async def counts(self, upto: int) -> Counts:
        statement = _COUNTS if self._certain else _COUNTS_OF_BOTH
        values = {"portal_id": self._portal_id, "upto": upto, **self._view.bounds}
        ((messages, unread),) = await self._session.rows(statement, **values)
        return Counts(messages, await self._subjects("chat"), await self._subjects("user"), unread)

    async def _subjects(self, subject: str) -> int:
        """Count the chats, or the users, that were seen."""
        values = {"portal_id": self._portal_id, "subject": subject, **self._view.bounds}
        if self._certain:
            return len(await self._session.rows(_SUBJECTS, **values))
        known = {each for (each,) in await self._session.rows(_INSIDE, **values)}
        cut = [Span._make(row) for row in await self._session.rows(CUT, **values)]
        derived = await as_of(self._session, self._view, cut)
        return len(known.union(seen.subject_id for seen in derived))
