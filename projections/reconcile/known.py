"""What Chronicle knows already: which chats a receiver has, what is in them, what was read."""

from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import Select, bindparam, or_, select

from eventstore.database import Session
from eventstore.event import Instant
from projections.members import membership
from projections.messages import message
from projections.reconcile.told import Vouched
from projections.reconcile.walk import Readings
from projections.tables import LOOKS, fact

_FEW: Final = 3

_OF_CHAT: Final = (
    message.c.portal_id == bindparam("portal_id"),
    message.c.chat_id == bindparam("chat_id"),
)
_CHATS: Final[Select[Any]] = (
    select(message.c.chat_id)
    .distinct()
    .where(
        message.c.portal_id == bindparam("portal_id"),
        message.c.chat_id.is_not(None),
        message.c.witnesses.contains(bindparam("witness"), autoescape=False),
    )
)
_LIVE: Final[Select[Any]] = select(message.c.message_id).where(
    *_OF_CHAT,
    message.c.message_id >= bindparam("begin"),
    message.c.message_id <= bindparam("end"),
    message.c.state == "live",
)
_POSTED_FROM: Final[Select[Any]] = (
    select(message.c.message_id)
    .where(*_OF_CHAT, message.c.posted_at >= bindparam("at"))
    .order_by(message.c.message_id)
    .limit(_FEW)
)
_MEMBERS: Final[Select[Any]] = select(membership.c.user_id).where(
    membership.c.portal_id == bindparam("portal_id"),
    membership.c.chat_id == bindparam("chat_id"),
    membership.c.left_basis.is_(None),
)
_READINGS: Final[Select[Any]] = select(fact.c.occurred_at, fact.c.detail).where(
    fact.c.portal_id == bindparam("portal_id"),
    fact.c.chat_id == bindparam("chat_id"),
    LOOKS,
    fact.c.witness == bindparam("witness"),
    or_(fact.c.code == "read", fact.c.code == "limited"),
)


async def chats_of(session: Session, portal_id: int, receiver: str) -> list[int]:
    """Return the chats of which a receiver witnessed a message. Reads all messages."""
    rows = await session.rows(_CHATS, portal_id=portal_id, witness=f'"{receiver}"')
    return sorted(chat_id for (chat_id,) in rows)


async def readings_of(
    session: Session, portal_id: int, chat_id: int, receiver: str
) -> list[Readings]:
    """Return what a receiver read of a chat before."""
    rows = await session.rows(_READINGS, portal_id=portal_id, chat_id=chat_id, witness=receiver)
    return [Readings(from_json(detail).get("since") if detail else None, at) for at, detail in rows]


async def live_messages(
    session: Session, portal_id: int, chat_id: int, among: Vouched
) -> list[int]:
    """Return the messages of a chat between two ids that are not known to be deleted."""
    rows = await session.rows(_LIVE, portal_id=portal_id, chat_id=chat_id, **among._asdict())
    return [message_id for (message_id,) in rows]


async def posted_from(session: Session, portal_id: int, chat_id: int, at: Instant) -> list[int]:
    """Return the oldest messages of a chat that were posted from a moment on, some of them."""
    rows = await session.rows(_POSTED_FROM, portal_id=portal_id, chat_id=chat_id, at=at)
    return [message_id for (message_id,) in rows]


async def members_of(session: Session, portal_id: int, chat_id: int) -> list[int]:
    """Return who is in a chat, as far as is known."""
    rows = await session.rows(_MEMBERS, portal_id=portal_id, chat_id=chat_id)
    return [user_id for (user_id,) in rows]
