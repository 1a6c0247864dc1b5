"""Members as of a moment: who was in a chat, as far as it was known."""

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import Select, bindparam, select

from eventstore.database import Session, one_of
from projections.facts import Fact
from projections.members import MemberRow, member_rows, membership
from projections.read.members import MemberKey
from projections.read.then.facts import KNOWN
from projections.read.then.spans import PRESENCE, as_of
from projections.spans import Span
from projections.tables import OF_MEMBERS, fact
from projections.view import View

_ABREAST: Final = 64
"""Users who are folded at once, at least."""

_EVER: Final[Select[Any]] = (
    select(membership.c.user_id)
    .distinct()
    .where(
        membership.c.portal_id == bindparam("portal_id"),
        membership.c.chat_id == bindparam("chat_id"),
        membership.c.user_id >= bindparam("user_id"),
    )
    .order_by(membership.c.user_id)
    .limit(bindparam("limit"))
)
"""Whoever a view knows in a chat is known there now."""

_FACTS: Final = select(fact).where(
    fact.c.portal_id == bindparam("portal_id"),
    fact.c.chat_id == bindparam("chat_id"),
    one_of(fact.c.user_id, "user_ids"),
    OF_MEMBERS,
    *KNOWN,
)


class Members:
    """The members of the chats of one portal in one view."""

    def __init__(self, session: Session, portal_id: int, view: View) -> None:
        self._session = session
        self._portal_id = portal_id
        self._view = view

    async def intervals(
        self, chat_id: int, *, current: bool, key: MemberKey, limit: int
    ) -> list[MemberRow]:
        """Return intervals behind `key`, by user and time; only the open ones if `current`."""
        found: list[MemberRow] = []
        most = max(limit, _ABREAST)
        user_id = max(key.user_id, 0)
        while len(found) < limit:
            rows = await self._session.rows(
                _EVER, portal_id=self._portal_id, chat_id=chat_id, user_id=user_id, limit=most
            )
            users = [each for (each,) in rows]
            found += [
                row
                for row in await self._folded(chat_id, users)
                if MemberKey(row.user_id, row.ordinal) > key
                and not (current and row.left_basis is not None)
            ]
            if len(users) < most:
                break
            user_id = users[-1] + 1
        return found[:limit]

    async def _folded(self, chat_id: int, user_ids: list[int]) -> list[MemberRow]:
        values = {
            "portal_id": self._portal_id,
            "chat_id": chat_id,
            "user_ids": user_ids,
            **self._view.bounds,
        }
        facts: defaultdict[int | None, list[Fact]] = defaultdict(list)
        for row in await self._session.rows(_FACTS, **values):
            told = Fact._make(row)
            facts[told.user_id].append(told)
        spans: defaultdict[int, list[Span]] = defaultdict(list)
        rows = await self._session.rows(PRESENCE, **values)
        for seen in await as_of(self._session, self._view, [Span._make(row) for row in rows]):
            spans[seen.user_id].append(seen)
        return [row for each in user_ids for row in member_rows(facts[each], spans[each])]
