"""Reading what changed: the facts of some positions, and what was told before of the same."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select, text

from eventstore.database import Pairs, Session, one_of, pair_of
from projections.changes import (
    OF_REACTIONS,
    OF_TEXTS,
    Before,
    Change,
    Kind,
    by_member,
    by_message,
    changes,
)
from projections.facts import Fact
from projections.messages import message, message_claim
from projections.read.names import names_before
from projections.tables import MEMBER_KINDS, OF_MEMBERS, fact

_PORTAL: Final = fact.c.portal_id == bindparam("portal_id")
_AMONG: Final = (
    _PORTAL & (fact.c.position > bindparam("after")) & (fact.c.position <= bindparam("upto"))
)
_NEWS: Final = select(fact).where(_AMONG).order_by(fact.c.position, fact.c.ordinal)
_KNOWN_MESSAGES: Final = select(message.c.message_id).where(
    message.c.portal_id == bindparam("portal_id"),
    one_of(message.c.message_id, "keys"),
    message.c.first_position <= bindparam("after"),
)
_OF_MESSAGES: Final = select(fact).where(_PORTAL, one_of(fact.c.message_id, "keys"))
_MEMBER_FACTS: Final = select(fact).where(
    _PORTAL, OF_MEMBERS, pair_of(fact.c.chat_id, fact.c.user_id, "keys")
)
_IN_DOUBT: Final = select(message_claim.c.message_id).where(
    message_claim.c.portal_id == bindparam("portal_id"), message_claim.c.subject == bindparam("of")
)
_TELLING: Final[Mapping[Kind, str]] = {
    "edited": f"kind IN {OF_TEXTS} OR text IS NOT NULL",
    "deleted": "kind IN ('message_deleted', 'message_edited', 'message_observed')",
    "reaction": f"kind IN {OF_REACTIONS}",
    "joined": f"kind IN {MEMBER_KINDS}",
    "left": f"kind IN {MEMBER_KINDS}",
    "renamed": "chat_profile IS NOT NULL OR user_profile IS NOT NULL",
}
"""Which facts may tell of a change of each kind: all of those, and others."""


async def place_before(
    session: Session,
    portal_id: int,
    *,
    among: range,
    kinds: Collection[Kind] | None,
    chat_id: int | None,
) -> int:
    """Return the position behind which the next change of these kinds, or of a chat, may be.

    It is the one before the first of `among` where nothing narrows, and the last of it where
    there is none.
    """
    if kinds is None and chat_id is None:
        return among.start - 1
    values: dict[str, Any] = {"after": among.start - 1, "upto": among.stop - 1}
    if chat_id is not None:
        values |= {"chat_id": chat_id, "of": "chat"}
    statement = _first(None if kinds is None else frozenset(kinds), of_chat=chat_id is not None)
    rows = await session.rows(statement, portal_id=portal_id, **values)
    return among.stop - 1 if rows[0][0] is None else int(rows[0][0]) - 1


@lru_cache
def _first(kinds: frozenset[Kind] | None, *, of_chat: bool) -> Select[Any]:
    """Find the first of some positions with a fact that may tell of such a change."""
    statement = select(func.min(fact.c.position)).where(_AMONG)
    if kinds is not None:
        alternatives = " OR ".join(_TELLING[kind] for kind in sorted(kinds))
        statement = statement.where(text(f"({alternatives})"))
    if of_chat:
        statement = statement.where(
            or_(
                fact.c.chat_id == bindparam("chat_id"),
                fact.c.chat_id.is_(None),
                fact.c.message_id.in_(_IN_DOUBT),  # others say that it is in another chat
            )
        )
    return statement


async def between(session: Session, portal_id: int, *, after: int, upto: int) -> list[Change]:
    """Return what the positions behind `after` changed, up to `upto`, in their order."""
    rows = await session.rows(_NEWS, portal_id=portal_id, after=after, upto=upto)
    news = [Fact._make(row) for row in rows]
    if not news:
        return []

    async def told(statement: Select[Any], keys: list[Any]) -> list[Fact]:
        # Both engines would rather read all that was told before than ask by two conditions.
        rows = await session.rows(statement, portal_id=portal_id, keys=keys) if keys else []
        return [told for told in map(Fact._make, rows) if told.position <= after]

    values = {"portal_id": portal_id, "after": after, "keys": [*by_message(news)]}
    known = await session.rows(_KNOWN_MESSAGES, **values)  # of most, the news tell first
    before = Before(
        by_message(await told(_OF_MESSAGES, [message_id for (message_id,) in known])),
        by_member(await told(_MEMBER_FACTS, Pairs(by_member(news)))),
        await names_before(session, portal_id, after=after, news=news),
    )
    return [*changes(news, before)]
