"""Reading what changed: the facts of some positions, and what was told before of the same."""

from typing import Any, Final

from sqlalchemy import Select, bindparam, select

from eventstore.database import Pairs, Session, one_of, pair_of
from projections.changes import Before, Change, by_member, by_message, changes
from projections.facts import Fact
from projections.read.names import names_before
from projections.tables import OF_MEMBERS, fact

_PORTAL: Final = fact.c.portal_id == bindparam("portal_id")
_NEWS: Final = (
    select(fact)
    .where(_PORTAL, fact.c.position > bindparam("after"), fact.c.position <= bindparam("upto"))
    .order_by(fact.c.position, fact.c.ordinal)
)
_OF_MESSAGES: Final = select(fact).where(_PORTAL, one_of(fact.c.message_id, "keys"))
_MEMBER_FACTS: Final = select(fact).where(
    _PORTAL, OF_MEMBERS, pair_of(fact.c.chat_id, fact.c.user_id, "keys")
)


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

    before = Before(
        by_message(await told(_OF_MESSAGES, list(by_message(news)))),
        by_member(await told(_MEMBER_FACTS, Pairs(by_member(news)))),
        await names_before(session, portal_id, after=after, news=news),
    )
    return [*changes(news, before)]
