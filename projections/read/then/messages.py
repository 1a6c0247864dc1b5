"""Messages as of a moment: which a chat or a portal had, each folded from what was known."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    or_,
    select,
    union_all,
)

from eventstore.database import Session
from projections.facts import Fact
from projections.messages import MessageRow, MessageRows, message, message_claim, message_rows
from projections.reactions import reaction_rows
from projections.read.search import named, said
from projections.read.then.facts import TOLD_OF, facts_of_messages
from projections.view import View

_ABREAST: Final = 64
"""Messages that are folded at once, at least, while those that fit are looked for."""

_FILTERS: Final[Mapping[str, ColumnElement[bool]]] = {
    # What a row says of all facts, any of them said; of fewer, it is disputed.
    "from": or_(message.c.posted_at >= bindparam("from"), message.c.disputed == 1),
    "to": message.c.posted_at < bindparam("to"),
    "state": or_(
        bindparam("state") == "live", message.c.state == "deleted", message.c.disputed == 1
    ),
}
_CLAIMABLE: Final = {"chat": message.c.chat_id, "author": message.c.author_id}

FIRST: Final = -1
"""Before every message."""

_FITS: Final[Mapping[str, Callable[[MessageRow, Any], bool]]] = {
    "chat": lambda row, chat_id: row.chat_id == chat_id,
    "author": lambda row, author_id: row.author_id == author_id,
    "from": lambda row, begin: row.posted_at is not None and row.posted_at >= begin,
    "to": lambda row, end: row.posted_at is not None and row.posted_at < end,
    "state": lambda row, state: row.state == state,
    "has_file": lambda row, _: row.files != "[]",
    "has_forward": lambda row, _: row.forward is not None,
    "has_reply": lambda row, _: row.reply_to is not None,
    "has_edit": lambda row, _: row.edited_basis is not None,
}
"""The filters of `projections.read.filters` but for the reactions, which no message row has."""


class Walk(NamedTuple):
    """Where messages are looked for: behind `key`, by ascending ids or by descending ones.

    Only `among` these, if they are given; only where one text that was told has all `needles`.
    """

    filters: Mapping[str, Any]
    key: int
    limit: int
    ascending: bool = True
    among: Collection[int] | None = None
    needles: Sequence[str] = ()


class Messages:
    """The messages of one portal in one view. What was read of them once is kept."""

    def __init__(self, session: Session, portal_id: int, view: View) -> None:
        self._session = session
        self._portal_id = portal_id
        self._view = view
        self._facts: dict[int, list[Fact]] = {}

    async def facts(self, message_ids: Collection[int]) -> Mapping[int, Sequence[Fact]]:
        """Return what is known of these messages, by message."""
        missing = set(message_ids) - self._facts.keys()
        if missing:
            found = await facts_of_messages(self._session, self._portal_id, self._view, missing)
            self._facts.update({each: found.get(each, []) for each in missing})
        return {each: self._facts[each] for each in message_ids}

    async def folded(self, message_ids: Collection[int]) -> dict[int, MessageRows]:
        """Return the rows of those of these messages that are known."""
        told = await self.facts(message_ids)
        return {each: message_rows(facts) for each, facts in told.items() if facts}

    async def rows(self, message_ids: Collection[int]) -> dict[int, MessageRow]:
        """Return those of these messages that are known."""
        folded = await self.folded(message_ids)
        return {each: rows.message for each, rows in folded.items() if rows.message}

    async def walk(self, walk: Walk) -> list[MessageRow]:
        """Return messages in the order of the walk, those that its filters keep."""
        found: list[MessageRow] = []
        async with aclosing(self.batches(walk)) as batches:
            async for batch in batches:
                found += [rows.message for rows in batch if rows.message]
                if len(found) >= walk.limit:
                    break
        return found[: walk.limit]

    async def batches(self, walk: Walk) -> AsyncGenerator[list[MessageRows]]:
        """Give the messages that the filters of a walk keep, in its order, some at a time."""
        most = max(walk.limit, _ABREAST)
        key: int | None = walk.key
        while key is not None:
            ids = await self._candidates(walk._replace(key=key, limit=most))
            folded = await self.folded(ids)
            known = [folded[each] for each in ids if each in folded]
            yield [rows for rows in known if rows.message and self._fits(rows.message, walk)]
            key = ids[-1] if len(ids) == most else None

    async def _candidates(self, walk: Walk) -> list[int]:
        if walk.among is not None:
            beyond = walk.key.__lt__ if walk.ascending else walk.key.__gt__
            ids = sorted(filter(beyond, walk.among), reverse=not walk.ascending)
            return ids[: walk.limit]
        statement = _candidates(
            frozenset(walk.filters), needles=len(walk.needles), ascending=walk.ascending
        )
        rows = await self._session.rows(
            statement,
            portal_id=self._portal_id,
            key=walk.key,
            limit=walk.limit,
            **self._view.bounds,
            **walk.filters,
            **named(walk.needles),
        )
        return [message_id for (message_id,) in rows]

    def _fits(self, row: MessageRow, walk: Walk) -> bool:
        return all(
            _FITS[name](row, value) if name in _FITS else self._held(row)
            for name, value in walk.filters.items()
        )

    def _held(self, row: MessageRow) -> bool:
        """Say whether anybody holds a reaction on a message that was read."""
        return any(each.until_basis is None for each in reaction_rows(self._facts[row.message_id]))


@lru_cache
def _candidates(filters: frozenset[str], *, needles: int, ascending: bool) -> Select[Any]:
    """Find messages that may be in a view, and may be what is asked for: seldom too many."""
    # Of several, one leads: the chat, else the author.
    leading = next((name for name in _CLAIMABLE if name in filters), None)
    conditions = [_FILTERS[name] for name in sorted(filters & _FILTERS.keys())]
    portal_id: BindParameter[int] = bindparam("portal_id")
    key: BindParameter[int] = bindparam("key")

    def some(found: Any, message_id: ColumnElement[int]) -> Select[Any]:
        beyond = message_id > key if ascending else message_id < key
        order = message_id if ascending else message_id.desc()
        return found.where(beyond).order_by(order).limit(bindparam("limit"))  # type: ignore[no-any-return]

    def of(place: FromClause) -> Select[Any]:
        statement = select(place.c.message_id)
        return statement.where(said(place, needles)) if needles else statement

    told = of(message).where(message.c.portal_id == portal_id, *TOLD_OF, *conditions)
    if leading is None:
        return some(told, message.c.message_id)
    told = told.where(_CLAIMABLE[leading] == bindparam(leading))
    claimed = of(message_claim).where(
        message_claim.c.portal_id == portal_id,
        message_claim.c.subject == leading,
        message_claim.c.claimed == bindparam(leading),
    )
    # A limit of their own, or all messages of a chat would be sorted for a page.
    parts = (some(told, message.c.message_id), some(claimed, message_claim.c.message_id))
    either = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return some(select(either.c.message_id), either.c.message_id)
