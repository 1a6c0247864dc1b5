"""What some chats name: of the tables whose rows belong to no chat, the rows to be shown."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, bindparam, not_, or_, select

from eventstore.database import Session, one_of
from projections.export.rows import Sources, in_slices, rows_of
from projections.export.selection import Piece
from projections.messages import message, message_claim, message_rows
from projections.reactions import reaction, reaction_rows
from projections.read.then.facts import TOLD_OF, facts_of_messages
from projections.tables import fact
from projections.view import View

_IN_CHATS: Final = (
    message.c.portal_id == bindparam("portal_id"),
    one_of(message.c.chat_id, "chats"),
)
_KNOWN_WHOLE: Final = and_(
    message.c.last_position <= bindparam("view_position"),
    message.c.last_at <= bindparam("view_time"),
)
_WRITERS: Final = (
    select(message.c.author_id, message.c.edited_by, message.c.deleted_by)
    .distinct()
    .where(*_IN_CHATS, _KNOWN_WHOLE)
)
_REACTORS: Final = (
    select(reaction.c.user_id)
    .distinct()
    .join_from(
        message,
        reaction,
        and_(
            reaction.c.portal_id == message.c.portal_id,
            reaction.c.message_id == message.c.message_id,
        ),
    )
    .where(*_IN_CHATS, _KNOWN_WHOLE)
)
_SAID_TO_BE_IN_CHATS: Final = select(message_claim.c.message_id).where(
    message_claim.c.portal_id == bindparam("portal_id"),
    message_claim.c.subject == "chat",
    one_of(message_claim.c.claimed, "chats"),
)
_CUT: Final = (
    select(message.c.message_id)
    .where(
        message.c.portal_id == bindparam("portal_id"),
        or_(one_of(message.c.chat_id, "chats"), message.c.message_id.in_(_SAID_TO_BE_IN_CHATS)),
        *TOLD_OF,
        not_(_KNOWN_WHOLE),
    )
    .order_by(message.c.message_id)
)
_POSITIONS: Final = (
    select(fact.c.position)
    .distinct()
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        fact.c.position > bindparam("after"),
        fact.c.position <= bindparam("upto"),
        one_of(fact.c.chat_id, "chats"),
    )
)


async def named_by(
    sources: Sources, chats: Collection[int], piece: Piece, view: View
) -> frozenset[int] | None:
    """Return the keys of a piece's rows that these chats name; None of a table that says a chat.

    An event is named by a chat of which it tells. A user is named by a chat in which they were,
    wrote, edited, deleted or reacted, as far as the view knows. Raises StoreUnavailable.
    """
    if piece.table == "users":
        return await _users(sources, chats, view)
    if piece.table == "events":
        bounds = {"after": piece.after, "upto": min(piece.upto, view.position)}
        found = await sources.models.rows(
            _POSITIONS, portal_id=sources.portal_id, chats=sorted(chats), **bounds
        )
        return frozenset(position for (position,) in found)
    return None


async def _users(sources: Sources, chats: Collection[int], view: View) -> frozenset[int]:
    session, portal_id = sources.models, sources.portal_id
    values = {"portal_id": portal_id, "chats": sorted(chats), **view.bounds}
    found = {each for row in await session.rows(_WRITERS, **values) for each in row}
    found.update(user_id for (user_id,) in await session.rows(_REACTORS, **values))
    cut = [message_id for (message_id,) in await session.rows(_CUT, **values)]
    found |= await _of_messages(session, portal_id, chats, view, cut)
    for chat_id in chats:
        async for rows in rows_of(sources, Piece("members", 0, chat_id - 1, chat_id), view):
            found.update(user_id for _, user_id, *_ in rows)
    return frozenset(found - {None})


async def _of_messages(
    session: Session, portal_id: int, chats: Collection[int], view: View, message_ids: list[int]
) -> set[int | None]:
    found: set[int | None] = set()
    for some in in_slices(message_ids):
        told = await facts_of_messages(session, portal_id, view, some)
        for facts in told.values():
            row = message_rows(facts).message
            if row is not None and row.chat_id in chats:
                found |= {row.author_id, row.edited_by, row.deleted_by}
                found.update(reaction.user_id for reaction in reaction_rows(facts))
    return found
