"""The keys of which some positions of the log tell: only their rows may have changed there.

They are read from the facts, which are kept by position: what was not touched costs nothing.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, select

from eventstore.database import Session, one_of, unindexed
from projections.derive import subject
from projections.export.selection import Piece
from projections.export.tables import TABLES
from projections.facts import MAX_ID
from projections.tables import fact, profile

Keys = list[tuple[int, ...]]
"""Keys in order: a message, a chat or a user, or a user in a chat, who comes second."""

_TOLD: Final = (
    fact.c.portal_id == bindparam("portal_id"),
    fact.c.position >= bindparam("first"),
    fact.c.position <= bindparam("last"),
)


def _named(*columns: ColumnElement[Any], when: ColumnElement[Any]) -> Select[Any]:
    """Find the keys of a piece that facts of some positions name."""
    key = unindexed(columns[0])
    return (
        select(*columns)
        .distinct()
        .where(*_TOLD, key > bindparam("after"), key <= bindparam("upto"), when.is_not(None))
        .order_by(*columns)
    )


_STATEMENTS: Final = {
    "message": _named(fact.c.message_id, when=fact.c.message_id),
    "members": _named(fact.c.chat_id, fact.c.user_id, when=fact.c.user_id),
    "chats": _named(fact.c.chat_id, when=fact.c.chat_profile),
}
_PROFILES: Final = (
    select(fact.c.user_profile).distinct().where(*_TOLD, fact.c.user_profile.is_not(None))
)
_WITNESSES: Final = select(fact.c.witness).distinct().where(*_TOLD)
_CONTENTS: Final = select(profile.c.content).where(
    profile.c.portal_id == bindparam("portal_id"), one_of(profile.c.id, "profiles")
)


async def touched(
    session: Session, portal_id: int, piece: Piece, among: range
) -> AsyncIterator[Keys]:
    """Give the keys of a piece of which some positions tell.

    All of them, and perhaps some whose rows are as they were. Call it inside a moment. Raises
    StoreUnavailable.
    """
    told = {"portal_id": portal_id, "first": among.start, "last": among.stop - 1}
    if piece.table == "users":
        users = await _users(session, told)
        yield [(each,) for each in sorted(users) if piece.after < each <= piece.upto]
        return
    name = "message" if TABLES[piece.table].keyed_by == "message" else piece.table
    async for rows in session.stream(_STATEMENTS[name], **told, after=piece.after, upto=piece.upto):
        yield [tuple(row) for row in rows]


async def _users(session: Session, told: dict[str, int]) -> set[int]:
    """Find whose profile was seen. A bot that heard was seen by that alone."""
    profiles = [named for (named,) in await session.rows(_PROFILES, **told)]
    contents = await session.rows(_CONTENTS, portal_id=told["portal_id"], profiles=profiles)
    found = {subject(content) for (content,) in contents}
    for (witness,) in await session.rows(_WITNESSES, **told):
        family, _, number = witness.partition(":")
        if family == "bot" and number.isdecimal() and int(number) <= MAX_ID:
            found.add(int(number))
    return found
