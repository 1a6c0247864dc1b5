"""Reading chats: the most recently active first, one of them, and what it showed when."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, func, select, tuple_

from eventstore.database import Row, Session, one_of
from projections.messages import message
from projections.profiles import ChatRow, ChatVersionRow, chat, chat_version
from projections.search.terms import Term, says
from projections.search.words import words_as_typed

_MESSAGES: Final = (
    select(func.count())
    .where(message.c.portal_id == chat.c.portal_id, message.c.chat_id == chat.c.chat_id)
    .scalar_subquery()
)
_PORTAL: Final = chat.c.portal_id == bindparam("portal_id")
_PLACE: Final = tuple_(chat.c.last_activity_at, chat.c.chat_id)
_BEHIND: Final = _PLACE < tuple_(bindparam("last_activity_at"), bindparam("chat_id"))  # noqa: SIM300 - the rule takes every constant for a literal
_LATEST: Final[Select[Any]] = (
    select(chat, _MESSAGES)
    .where(_PORTAL, _BEHIND)
    .order_by(chat.c.last_activity_at.desc(), chat.c.chat_id.desc())
    .limit(bindparam("limit"))
)
_LATEST_OF_TYPE: Final = _LATEST.where(chat.c.type == bindparam("type"))
_ONE: Final = select(chat, _MESSAGES).where(_PORTAL, chat.c.chat_id == bindparam("chat_id"))
_EXISTS: Final = select(chat.c.chat_id).where(_PORTAL, chat.c.chat_id == bindparam("chat_id"))
_TITLES: Final[Select[Any]] = (
    select(chat.c.last_activity_at, chat.c.chat_id, chat.c.title)
    .where(_PORTAL, _BEHIND)
    .order_by(chat.c.last_activity_at.desc(), chat.c.chat_id.desc())
    .limit(bindparam("limit"))
)
_TITLES_OF_TYPE: Final = _TITLES.where(chat.c.type == bindparam("type"))
_THESE: Final = select(chat, _MESSAGES).where(_PORTAL, one_of(chat.c.chat_id, "chat_ids"))
_ABREAST: Final = 1_000
"""Titles that are looked at before others get their turn."""

_VERSIONS: Final = (
    select(chat_version)
    .where(
        chat_version.c.portal_id == bindparam("portal_id"),
        chat_version.c.chat_id == bindparam("chat_id"),
    )
    .order_by(chat_version.c.version)
)


class ChatKey(NamedTuple):
    """The place of a chat among those of its portal, latest activity first."""

    last_activity_at: int
    chat_id: int


LATEST: Final = ChatKey(2**63 - 1, 2**63 - 1)
"""Before every chat."""


class CountedChat(NamedTuple):
    """A chat, and how many messages are known of it."""

    row: ChatRow
    messages: int


async def latest(
    session: Session, portal_id: int, *, of_type: str | None, key: ChatKey, limit: int
) -> list[CountedChat]:
    """Return chats behind `key`, most recent activity first, of one type if asked."""
    if of_type is None:
        rows = await session.rows(_LATEST, portal_id=portal_id, limit=limit, **key._asdict())
    else:
        rows = await session.rows(
            _LATEST_OF_TYPE, portal_id=portal_id, limit=limit, type=of_type, **key._asdict()
        )
    return [_counted(row) for row in rows]


async def titled(  # noqa: PLR0913 - a place among chats
    session: Session,
    portal_id: int,
    terms: Sequence[Term],
    *,
    of_type: str | None,
    key: ChatKey,
    limit: int,
) -> list[CountedChat]:
    """Return chats behind `key` whose titles say all terms, most recent activity first."""
    statement = _TITLES if of_type is None else _TITLES_OF_TYPE
    values = {} if of_type is None else {"type": of_type}
    found: list[ChatKey] = []
    while len(found) < limit:
        rows = await session.rows(
            statement, portal_id=portal_id, limit=_ABREAST, **key._asdict(), **values
        )
        found += [ChatKey(at, chat_id) for at, chat_id, title in rows if title_says(title, terms)]
        if len(rows) < _ABREAST:
            break
        key = ChatKey(*rows[-1][:2])
    ids = [each.chat_id for each in found[:limit]]
    counted = map(_counted, await session.rows(_THESE, portal_id=portal_id, chat_ids=ids))
    by_id = {each.row.chat_id: each for each in counted}
    return [by_id[chat_id] for chat_id in ids]


@lru_cache(maxsize=65_536)
def _words(title: str) -> Sequence[str]:
    return words_as_typed(title)


def title_says(title: str | None, terms: Sequence[Term]) -> bool:
    """Say whether a title has all that is asked for; none has nothing."""
    return not terms or (title is not None and says(_words(title), terms))


async def one(session: Session, portal_id: int, chat_id: int) -> CountedChat | None:
    """Return a chat, if it was ever seen."""
    rows = await session.rows(_ONE, portal_id=portal_id, chat_id=chat_id)
    return _counted(rows[0]) if rows else None


async def exists(session: Session, portal_id: int, chat_id: int) -> bool:
    """Say whether a chat was ever seen."""
    return bool(await session.rows(_EXISTS, portal_id=portal_id, chat_id=chat_id))


async def versions(session: Session, portal_id: int, chat_id: int) -> list[ChatVersionRow]:
    """Return what a chat showed, oldest first."""
    rows = await session.rows(_VERSIONS, portal_id=portal_id, chat_id=chat_id)
    return [ChatVersionRow._make(row) for row in rows]


def _counted(row: Row) -> CountedChat:
    return CountedChat(ChatRow._make(row[:-1]), row[-1])
