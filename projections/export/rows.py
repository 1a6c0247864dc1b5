"""The rows of a piece of an export, exactly as a view knows them, as plain tuples.

The read models move on while an export is made, or before it is gone on with. A row of which the
view knows all serves as it is; the keys that the view's edge cuts are folded again from the
facts that it knows.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, null, or_, select

from eventstore.database import Pairs, Session, in_bytes, one_of, pair_of
from eventstore.schema import event
from projections.changes import Change
from projections.export.names import PartName, TableName
from projections.export.selection import Piece
from projections.export.tables import CHATS, EVENTS, MEMBERS, TABLES, USERS, ExportTable
from projections.facts import Fact
from projections.members import member_rows, membership
from projections.messages import message, message_rows, message_version
from projections.profiles import chat, chat_rows, user_profile, user_rows
from projections.reactions import reaction, reaction_rows
from projections.read import changes
from projections.read.then.facts import KNOWN_OF_KEYS, TOLD_OF, facts_of_messages
from projections.read.then.spans import (
    BEGUN,
    OF_SUBJECTS,
    as_of,
    by_subject,
    contents_of,
)
from projections.spans import Span
from projections.tables import OF_MEMBERS, fact, span
from projections.view import View

_AT: Final = [column.name for column in TABLES["changes"].columns].index("at")

_SLICE: Final = 500
"""Keys that are folded together."""

_CHANGES: Final = 10_000
"""Positions whose changes are found together: what they share is read and folded once."""

Rows = list[tuple[Any, ...]]
"""Rows in the order of their table's columns; times in microseconds, lists as JSON texts.

The payloads of events are UTF-8.
"""

_Key = tuple[Any, ...]
"""The first column of a row, or two: its message, chat or user, or the chat and who is in it."""


class Sources(NamedTuple):
    """Where a portal is read: its log, and the generation of its read models."""

    log: Session
    models: Session
    portal_id: int


def _in_piece(column: ColumnElement[Any]) -> tuple[ColumnElement[bool], ...]:
    return (
        column.table.c.portal_id == bindparam("portal_id"),
        column > bindparam("after"),
        column <= bindparam("upto"),
    )


def _named(table: ExportTable, *of: Table) -> list[ColumnElement[Any]]:
    """Find each column of an export in the first of these tables that has it.

    Nothing is withheld yet.
    """
    return [
        next((each.c[column.name] for each in of if column.name in each.c), null())
        for column in table.columns
    ]


def _of_messages(name: TableName, of: Table | None = None, *, listed: bool = False) -> Select[Any]:
    """Read rows that belong to messages, of a piece or of a list: the ids come first."""
    if of is None:
        statement = select(*_named(TABLES[name], message))
    else:
        joined = (of.c.portal_id == message.c.portal_id) & (of.c.message_id == message.c.message_id)
        statement = select(*_named(TABLES[name], of, message)).join_from(of, message, joined)
    # Bounds of the message's own key would let SQLite look through all rows for each message.
    message_id = (message if of is None else of).c.message_id
    statement = statement.order_by(message_id)
    if not listed:
        return statement.where(*_in_piece(message_id), *TOLD_OF)
    of_portal = message_id.table.c.portal_id == bindparam("portal_id")
    return statement.where(of_portal, one_of(message_id, "message_ids"))


_OF_MESSAGES: Final = {
    "messages": _of_messages("messages"),
    "versions": _of_messages("versions", message_version),
    "reactions": _of_messages("reactions", reaction),
}
_LISTED: Final = {
    "messages": _of_messages("messages", listed=True),
    "versions": _of_messages("versions", message_version, listed=True),
    "reactions": _of_messages("reactions", reaction, listed=True),
}
_CUT_MESSAGES: Final = (
    select(message.c.message_id)
    .where(
        *_in_piece(message.c.message_id),
        *TOLD_OF,
        or_(
            message.c.last_position > bindparam("view_position"),
            message.c.last_at > bindparam("view_time"),
        ),
    )
    .order_by(message.c.message_id)
)
_MEMBERS: Final = (
    select(*_named(MEMBERS, membership))
    .where(*_in_piece(membership.c.chat_id))
    .order_by(membership.c.chat_id, membership.c.user_id, membership.c.ordinal)
)
_OUTSIDE: Final = or_(
    fact.c.position > bindparam("view_position"), fact.c.occurred_at > bindparam("view_time")
)
_ENDS_OUTSIDE: Final = or_(
    span.c.last_position > bindparam("view_position"), span.c.last_at > bindparam("view_time")
)
_TOLD_LATER: Final = (
    select(fact.c.chat_id, fact.c.user_id)
    .distinct()
    .where(*_in_piece(fact.c.chat_id), fact.c.user_id.is_not(None), OF_MEMBERS, _OUTSIDE)
)
_SEEN_LATER: Final = (
    select(span.c.subject_id, span.c.user_id)
    .distinct()
    .where(*_in_piece(span.c.subject_id), span.c.subject == bindparam("subject"), _ENDS_OUTSIDE)
)
_MEMBER_FACTS: Final = select(fact).where(
    fact.c.portal_id == bindparam("portal_id"),
    OF_MEMBERS,
    pair_of(fact.c.chat_id, fact.c.user_id, "pairs"),
    *KNOWN_OF_KEYS,
)
_MEMBER_SPANS: Final = select(span).where(
    *BEGUN,
    span.c.subject == "presence",
    pair_of(span.c.subject_id, span.c.user_id, "pairs"),
)
_CHATS: Final = (
    select(*_named(CHATS, chat)).where(*_in_piece(chat.c.chat_id)).order_by(chat.c.chat_id)
)
_USERS: Final = (
    select(*_named(USERS, user_profile))
    .where(*_in_piece(user_profile.c.user_id))
    .order_by(user_profile.c.user_id)
)
_EVENTS: Final = (
    select(*_named(EVENTS, event)[:-1], in_bytes(event.c.payload))
    .where(
        *_in_piece(event.c.position),
        func.coalesce(event.c.sent_at, event.c.received_at) <= bindparam("view_time"),
    )
    .order_by(event.c.position)
)


async def rows_of(sources: Sources, piece: Piece, view: View) -> AsyncIterator[Rows]:
    """Give the rows of a piece, some thousand at a time. Call it inside a moment of both sessions.

    They come in the order of their keys, and of one key together. Raises StoreUnavailable.
    """
    name = piece.table
    if name in _OF_MESSAGES:
        found = _message_rows(sources, piece, view)
    elif name == "members":
        found = _member_rows(sources, piece, view)
    elif name == "chats":
        found = _profile_rows(sources, piece, view, "chat")
    elif name == "users":
        found = _profile_rows(sources, piece, view, "user")
    elif name == "events":
        found = _events(sources, piece, view)
    else:
        found = _changes(sources, piece, view)
    async for rows in found:
        yield rows


async def _message_rows(sources: Sources, piece: Piece, view: View) -> AsyncIterator[Rows]:
    bounds = {**_bounds(sources, piece), **view.bounds}
    cut = {tuple(row) for row in await sources.models.rows(_CUT_MESSAGES, **bounds)}

    async def again(keys: Sequence[_Key]) -> Rows:
        ids = [message_id for (message_id,) in keys]
        told = await facts_of_messages(sources.models, sources.portal_id, view, ids)
        return [row for each in ids if each in told for row in of_message(piece.table, told[each])]

    stored = sources.models.stream(_OF_MESSAGES[piece.table], **bounds)
    async for rows in _in_order(stored, cut, again):
        yield rows


async def _in_order(
    stored: AsyncIterator[Rows],
    cut: Collection[_Key],
    again: Callable[[Sequence[_Key]], Awaitable[Rows]],
) -> AsyncIterator[Rows]:
    """Give stored rows, in the order of their keys, but those of cut keys as they are made again.

    So nothing but the view decides in what order rows come.
    """
    waiting = sorted(cut)
    size = len(waiting[0]) if waiting else 0
    begin = 0
    async for rows in stored:
        if not size:
            yield rows
            continue
        end = bisect_right(waiting, rows[-1][:size])
        found = [row for row in rows if row[:size] not in cut]
        for keys in in_slices(waiting[begin:end]):
            found += await again(keys)
        yield sorted(found, key=itemgetter(slice(size)))
        begin = end
    for keys in in_slices(waiting[begin:]):
        yield await again(keys)


async def stored_of_messages(
    session: Session, portal_id: int, name: PartName, message_ids: Sequence[int]
) -> Rows:
    """Return the rows of a table that belong to these messages, as they are now."""
    values = {"portal_id": portal_id, "message_ids": message_ids}
    return [tuple(row) for row in await session.rows(_LISTED[name], **values)]


def of_message(name: PartName, facts: Sequence[Fact]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a table that belong to one message, from the facts that name it."""
    rows = message_rows(facts)
    if rows.message is None:
        return
    beside = {
        "chat_id": rows.message.chat_id,
        "author_id": rows.message.author_id,
        "withheld": None,
    }
    found: Mapping[PartName, Iterable[Any]] = {
        "messages": [rows.message],
        "versions": rows.versions,
        "reactions": reaction_rows(facts) if name == "reactions" else (),
    }
    for row in found[name]:
        fields = {**beside, **row._asdict()}
        yield tuple(fields[column.name] for column in TABLES[name].columns)


async def _member_rows(sources: Sources, piece: Piece, view: View) -> AsyncIterator[Rows]:
    bounds = _bounds(sources, piece)
    told = await sources.models.rows(_TOLD_LATER, **bounds, **view.bounds)
    seen = await sources.models.rows(_SEEN_LATER, **bounds, **view.bounds, subject="presence")

    async def again(pairs: Sequence[_Key]) -> Rows:
        return await members_of(sources.models, sources.portal_id, view, pairs)

    cut = {(row[0], row[1]) for row in (*told, *seen)}
    async for rows in _in_order(sources.models.stream(_MEMBERS, **bounds), cut, again):
        yield rows


async def members_of(
    session: Session, portal_id: int, view: View, pairs: Sequence[tuple[int, int]]
) -> Rows:
    """Return the rows of these users in these chats, as a view knows them."""
    facts: defaultdict[tuple[int | None, int | None], list[Fact]] = defaultdict(list)
    values = {"portal_id": portal_id, "pairs": Pairs(pairs), **view.bounds}
    for row in await session.rows(_MEMBER_FACTS, **values):
        known = Fact._make(row)
        facts[known.chat_id, known.user_id].append(known)
    spans: defaultdict[tuple[int, int], list[Span]] = defaultdict(list)
    begun = [Span._make(row) for row in await session.rows(_MEMBER_SPANS, **values)]
    for seen in await as_of(session, view, begun):
        spans[seen.subject_id, seen.user_id].append(seen)
    values_of = _values("members")
    return [values_of(row) for pair in pairs for row in member_rows(facts[pair], spans[pair])]


async def _profile_rows(
    sources: Sources, piece: Piece, view: View, subject: str
) -> AsyncIterator[Rows]:
    bounds = _bounds(sources, piece)
    seen = await sources.models.rows(_SEEN_LATER, **bounds, **view.bounds, subject=subject)

    async def again(keys: Sequence[_Key]) -> Rows:
        ids = [subject_id for (subject_id,) in keys]
        return await profiles_of(sources.models, sources.portal_id, view, subject, ids)

    statement = _CHATS if subject == "chat" else _USERS
    cut = {(row[0],) for row in seen}
    async for rows in _in_order(sources.models.stream(statement, **bounds), cut, again):
        yield rows


async def profiles_of(
    session: Session, portal_id: int, view: View, subject: str, ids: Sequence[int]
) -> Rows:
    """Return the rows of these chats or of these users, as a view knows them."""
    begun = await session.rows(
        OF_SUBJECTS, portal_id=portal_id, subject=subject, subject_ids=ids, **view.bounds
    )
    seen = await as_of(session, view, [Span._make(row) for row in begun])
    contents = await contents_of(session, portal_id, seen)
    found: Rows = []
    for _, spans in sorted(by_subject(seen).items()):
        if subject == "chat":
            rows: Iterable[Any] = filter(None, [chat_rows(spans, contents).chat])
            found += map(_values("chats"), rows)
        else:
            rows = filter(None, [user_rows(spans, contents).user])
            found += map(_values("users"), rows)
    return found


async def _events(sources: Sources, piece: Piece, view: View) -> AsyncIterator[Rows]:
    bounds = {**_bounds(sources, piece, view.position), "view_time": view.time}
    async for read in sources.log.stream(_EVENTS, **bounds):
        yield read


async def _changes(sources: Sources, piece: Piece, view: View) -> AsyncIterator[Rows]:
    last = min(piece.upto, view.position)
    for after in range(piece.after, last, _CHANGES):
        upto = min(after + _CHANGES, last)
        found = await changes.between(sources.models, sources.portal_id, after=after, upto=upto)
        yield [row for row in _of_changes(found) if row[_AT] is None or row[_AT] <= view.time]


def _of_changes(found: Iterable[Change]) -> Iterator[tuple[Any, ...]]:
    position = ordinal = 0
    for change in found:
        ordinal = ordinal + 1 if change.position == position else 1
        position = change.position
        was, now = (change.rename.was, change.rename.now) if change.rename else (None, None)
        fields = {**change._asdict(), "ordinal": ordinal, "name_before": was, "name_after": now}
        yield tuple(fields[column.name] for column in TABLES["changes"].columns)


def _bounds(sources: Sources, piece: Piece, most: int | None = None) -> dict[str, int]:
    upto = piece.upto if most is None else min(piece.upto, most)
    return {"portal_id": sources.portal_id, "after": piece.after, "upto": upto}


def _values(name: TableName) -> Callable[[Any], tuple[Any, ...]]:
    found: Callable[[Any], tuple[Any, ...]] = attrgetter(
        *(column.name for column in TABLES[name].columns)
    )
    return found


def in_slices(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Part keys into as many as are folded together."""
    return (keys[begin : begin + _SLICE] for begin in range(0, len(keys), _SLICE))
