"""The plan of an export: what it knows, and the ranges of keys that its files are made of."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Select, Table, bindparam, func, select

from eventstore.database import Session
from eventstore.event import Instant
from eventstore.log import heads_of
from projections.errors import NothingToExport
from projections.export.manifest import Manifest, table_said
from projections.export.names import TableName
from projections.export.pieces import Source
from projections.export.runs import ROW_GROUP
from projections.export.seen import coverage_said
from projections.export.selection import Piece
from projections.export.tables import TABLES
from projections.export.touched import touched
from projections.export.transcript.page import looks
from projections.export.wanted import Wanted
from projections.facts import MAX_ID
from projections.fingerprints import fingerprints, of_module
from projections.members import membership
from projections.messages import message
from projections.profiles import chat, user_profile
from projections.project import checkpoint_of
from projections.read.coverage import watches

_CHANGES: Final = 20_000
"""Positions whose changes are found by one worker at once: each is folded."""

_FIRST: Final = -(2**63)
"""Before every id."""

Ranges = tuple[tuple[int, int], ...]
"""Bounds of keys: behind the first, up to the second."""


def _every(table: Table, key: str) -> Select[Any]:
    """Find each n-th key of a table, in order."""
    numbered = (
        select(table.c[key], func.row_number().over(order_by=table.c[key]).label("number"))
        .where(table.c.portal_id == bindparam("portal_id"))
        .subquery()
    )
    return (
        select(numbered.c[key])
        .where(numbered.c.number % bindparam("every") == 0)
        .order_by(numbered.c[key])
    )


_EVERY: Final = {
    "message": _every(message, "message_id"),
    "chats": _every(chat, "chat_id"),
    "users": _every(user_profile, "user_id"),
}
_CHAT: Final = select(chat.c.chat_id).where(
    chat.c.portal_id == bindparam("portal_id"), chat.c.chat_id == bindparam("chat_id")
)
_MEMBERS: Final = (
    select(membership.c.chat_id, func.count())
    .where(membership.c.portal_id == bindparam("portal_id"))
    .group_by(membership.c.chat_id)
    .order_by(membership.c.chat_id)
)


def fingerprint() -> str:
    """Return what stands for the code that an export's rows come from."""
    facts, rows = fingerprints()
    return f"{facts}-{rows}-{of_module('projections.export.pieces')}-{looks()}"


async def manifest_of(source: Source, wanted: Wanted, now: Instant) -> Manifest:
    """Plan an export of all that is projected at this moment.

    Raises NothingToExport for a chat that nobody told of, or positions that are not there yet;
    StoreUnavailable.
    """
    session = await source.models.open_reader()
    try:
        async with session.moment():
            position = await checkpoint_of(session, source.portal_id)
            await _check(session, source.portal_id, wanted, position)
            ranges = {
                name: await _ranges(session, source.portal_id, name, wanted, position)
                for name in wanted.tables
            }
            watched = await watches(session, source.portal_id)
    finally:
        await session.close()
    heads = await heads_of(source.log)
    return Manifest(
        installation=source.installation,
        wanted=wanted,
        position=position,
        head=heads.get(source.portal_id, 0),
        fingerprint=fingerprint(),
        created_at=now,
        coverage=coverage_said(watched, wanted),
        tables={
            name: table_said(name, pieces, op=wanted.from_position is not None)
            for name, pieces in ranges.items()
        },
    )


async def _check(session: Session, portal_id: int, wanted: Wanted, position: int) -> None:
    if wanted.from_position is not None and wanted.from_position > position + 1:
        raise NothingToExport(
            f"position {wanted.from_position} is not there yet: the log is projected up to"
            f" {position}"
        )
    for chat_id in wanted.chats or ():
        # No engine takes a larger number.
        if chat_id > MAX_ID or not await session.rows(_CHAT, portal_id=portal_id, chat_id=chat_id):
            raise NothingToExport(f"{wanted.portal}: nothing was ever told of a chat {chat_id}")


async def _ranges(
    session: Session, portal_id: int, name: TableName, wanted: Wanted, position: int
) -> Ranges:
    """Return the ranges of keys in which a table is written, which leave out none."""
    after = 0 if wanted.from_position is None else wanted.from_position - 1
    if TABLES[name].keyed_by == "position":
        step = ROW_GROUP if name == "events" else _CHANGES
        return tuple((begin, min(begin + step, position)) for begin in range(after, position, step))
    if wanted.from_position is not None:
        return _whole(await _touched(session, portal_id, name, range(after + 1, position + 1)))
    if name == "members":
        rows = await session.rows(_MEMBERS, portal_id=portal_id)
        return _whole(_full((row[0], row[1]) for row in rows))
    statement = _EVERY["message" if TABLES[name].keyed_by == "message" else name]
    rows = await session.rows(statement, portal_id=portal_id, every=ROW_GROUP)
    return _whole(key for (key,) in rows)


def _full(counted: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Give the key by which a file has enough rows, again and again."""
    rows = 0
    for key, count in counted:
        rows += count
        if rows >= ROW_GROUP:
            yield key
            rows = 0


async def _touched(
    session: Session, portal_id: int, name: TableName, among: range
) -> Iterable[int]:
    """Find each n-th of the keys that some positions touched, in order, once."""
    bounds: dict[int, None] = {}
    count = 0
    async for keys in touched(session, portal_id, Piece(name, 0, _FIRST, MAX_ID), among):
        for key in keys:
            count += 1
            if count % ROW_GROUP == 0:
                bounds[key[0]] = None
    return bounds


def _whole(bounds: Iterable[int]) -> Ranges:
    edges = [_FIRST, *bounds, MAX_ID]
    return tuple(pairwise(edges))
