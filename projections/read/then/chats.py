"""Chats as of a moment: what each showed, when it was last active, how many messages it had."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select, union, union_all

from eventstore.database import Session, one_of
from projections.messages import message, message_claim
from projections.profiles import ChatRow, ChatRows, chat_rows, chat_version
from projections.read.chats import ChatKey, CountedChat, title_says
from projections.read.then.facts import KNOWN_OF, TOLD_OF
from projections.read.then.messages import Messages
from projections.read.then.spans import CUT, INSIDE, OF_SUBJECTS, as_of, by_subject, contents_of
from projections.search.terms import Term
from projections.spans import Span
from projections.tables import span
from projections.view import View

_ABREAST: Final = 100
"""Chats that are folded at once, at least, while those of a type are looked for."""

_ACTIVITY: Final = (
    select(span.c.subject_id, func.max(span.c.last_at))
    .where(span.c.portal_id == bindparam("portal_id"), span.c.subject == "chat", *INSIDE)
    .group_by(span.c.subject_id)
)
_OF_PORTAL: Final = message.c.portal_id == bindparam("portal_id")
_OF_CHATS: Final = (_OF_PORTAL, one_of(message.c.chat_id, "chat_ids"))
_DOUBTFUL: Final[Select[Any]] = select(message_claim.c.message_id).where(
    message_claim.c.portal_id == bindparam("portal_id"), message_claim.c.subject == "chat"
)
_CERTAIN: Final = (
    select(message.c.chat_id, func.count())
    .where(*_OF_CHATS, *TOLD_OF, message.c.message_id.not_in(_DOUBTFUL))
    .group_by(message.c.chat_id)
)
_CERTAIN_OF_BOTH: Final = _CERTAIN.where(KNOWN_OF)
_DOUBTFUL_OF_CHATS: Final = union(  # an OR would use no index
    _DOUBTFUL.where(one_of(message_claim.c.claimed, "chat_ids")),
    select(message.c.message_id)
    .join(
        message_claim,
        (message_claim.c.portal_id == message.c.portal_id)
        & (message_claim.c.message_id == message.c.message_id),
    )
    .where(*_OF_CHATS, message_claim.c.subject == "chat"),
)
_COMMENTING: Final = select(chat_version.c.chat_id).where(
    chat_version.c.portal_id == bindparam("portal_id"),
    chat_version.c.parent_message_id.is_not(None),
)
_COMMENTS: Final = union_all(  # an OR would use no index
    _COMMENTING.where(one_of(chat_version.c.parent_message_id, "message_ids")),
    _COMMENTING.where(one_of(chat_version.c.chat_id, "chat_ids")),
)


class Chats:
    """The chats of one portal in one view. `certain`: time or position alone bounds the view."""

    def __init__(
        self, session: Session, portal_id: int, view: View, messages: Messages, *, certain: bool
    ) -> None:
        self._session = session
        self._portal_id = portal_id
        self._view = view
        self._messages = messages
        self._certain = certain

    async def folded(self, chat_ids: Collection[int]) -> dict[int, ChatRows]:
        """Return the rows of those of these chats that were seen."""
        rows = await self._session.rows(
            OF_SUBJECTS,
            portal_id=self._portal_id,
            subject="chat",
            subject_ids=sorted(chat_ids),
            **self._view.bounds,
        )
        seen = await as_of(self._session, self._view, [Span._make(row) for row in rows])
        contents = await contents_of(self._session, self._portal_id, seen)
        return {each: chat_rows(spans, contents) for each, spans in by_subject(seen).items()}

    async def latest(
        self, *, of_type: str | None, key: ChatKey, limit: int, terms: Sequence[Term] = ()
    ) -> list[CountedChat]:
        """Return chats behind `key` whose titles say all terms, most recent activity first."""
        behind = [each for each in await self._by_activity() if each < key]
        found: list[ChatRow] = []
        abreast = max(limit, _ABREAST)
        for begin in range(0, len(behind), abreast):
            ids = [each.chat_id for each in behind[begin : begin + abreast]]
            folded = await self.folded(ids)
            rows = [row for each in ids if (row := folded[each].chat)]
            found += [
                row
                for row in rows
                if (of_type is None or row.type == of_type) and title_says(row.title, terms)
            ]
            if len(found) >= limit:
                break
        return await self.counted(found[:limit])

    async def _by_activity(self) -> list[ChatKey]:
        values = {"portal_id": self._portal_id, **self._view.bounds}
        latest: dict[int, int] = dict(await self._session.rows(_ACTIVITY, **values))
        cut = await self._session.rows(CUT, subject="chat", **values)
        for seen in await as_of(self._session, self._view, [Span._make(row) for row in cut]):
            latest[seen.subject_id] = max(latest.get(seen.subject_id, seen.last_at), seen.last_at)
        return sorted((ChatKey(at, each) for each, at in latest.items()), reverse=True)

    async def counted(self, rows: Collection[ChatRow]) -> list[CountedChat]:
        """Return chats with the number of their messages."""
        values: dict[str, Any] = {
            "portal_id": self._portal_id,
            "chat_ids": sorted(row.chat_id for row in rows),
        }
        statement = _CERTAIN if self._certain else _CERTAIN_OF_BOTH
        certain = await self._session.rows(statement, **values, **self._view.bounds)
        counts: Counter[int | None] = Counter(dict(certain))
        doubtful = await self._session.rows(_DOUBTFUL_OF_CHATS, **values)
        known = await self._messages.rows({message_id for (message_id,) in doubtful})
        counts.update(row.chat_id for row in known.values())
        return [CountedChat(row, counts[row.chat_id]) for row in rows]

    async def comments(
        self, message_ids: Collection[int], chat_ids: Collection[int]
    ) -> list[tuple[int, int]]:
        """Return chats that are the comments on a message: of these messages, and of these chats.

        Each with the message.
        """
        found = await self._session.rows(
            _COMMENTS,
            portal_id=self._portal_id,
            message_ids=sorted(message_ids),
            chat_ids=sorted(chat_ids),
        )
        candidates = {chat_id for (chat_id,) in found}
        rows = (
            [rows.chat for rows in (await self.folded(candidates)).values()] if candidates else []
        )
        return [
            (row.chat_id, row.parent_message_id) for row in rows if row and row.parent_message_id
        ]
