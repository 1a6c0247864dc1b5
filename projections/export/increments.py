"""What changed since a position: the rows that are otherwise since then, and those that are gone.

Both sides are rows as they are shown: a row that leaves what is wanted is gone as well.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import bindparam, select

from eventstore.database import one_of
from projections.export.names import PartName
from projections.export.rows import (
    Rows,
    Sources,
    in_slices,
    members_of,
    of_message,
    profiles_of,
    stored_of_messages,
)
from projections.export.selection import Piece
from projections.export.shown import names_of, shown, shown_rows
from projections.export.tables import TABLES, ExportTable
from projections.export.touched import touched
from projections.export.wanted import Wanted
from projections.messages import message
from projections.read.then.facts import facts_of_messages
from projections.view import View

_ENDS: Final = select(
    message.c.message_id, message.c.first_position, message.c.last_position, message.c.last_at
).where(message.c.portal_id == bindparam("portal_id"), one_of(message.c.message_id, "message_ids"))


async def changed_rows(
    sources: Sources, piece: Piece, wanted: Wanted, view: View, *, first: int
) -> AsyncIterator[Rows]:
    """Give the rows of a piece that position `first` or a later one changed, each with its `op`.

    An `upsert` is as the view knows it. A `delete` has its key, and the time by whose month it
    was parted: all else is null. Call it inside a moment of both sessions. Raises
    StoreUnavailable.
    """
    table = TABLES[piece.table]
    if table.keyed_by == "position":  # what a position tells, it tells for ever
        async for rows in shown_rows(sources, piece, wanted, view):
            yield [(*row, "upsert") for row in rows]
        return
    before = View(first - 1, view.time)
    were = await names_of(sources, piece, wanted, before)
    are = await names_of(sources, piece, wanted, view)
    among = range(first, view.position + 1)
    told = touched(sources.models, sources.portal_id, piece, among)
    keys = {key async for some in told for key in some}
    if were is not None and are is not None:
        keys |= {(each,) for each in were ^ are if piece.after < each <= piece.upto}
    for some in in_slices(sorted(keys)):
        was, now = await _both(sources, piece, before, view, some)
        yield [*differing(table, shown(wanted, table, was, were), shown(wanted, table, now, are))]


def differing(
    of: ExportTable, was: Sequence[tuple[Any, ...]], now: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Give what makes `now` of what some keys' rows were: upserts, and deletes behind them."""
    names = [column.name for column in of.columns]
    key = itemgetter(*map(names.index, of.key))
    before = {key(row): row for row in was}
    for row in now:
        if before.pop(key(row), None) != row:
            yield (*row, "upsert")
    kept = {*of.key, of.month}
    for row in before.values():
        fields = zip(names, row, strict=True)
        yield (*(value if name in kept else None for name, value in fields), "delete")


async def _both(
    sources: Sources, piece: Piece, before: View, view: View, keys: Sequence[tuple[int, ...]]
) -> tuple[Rows, Rows]:
    """Return the rows of some keys as they were before, and as the view knows them."""
    name, session, portal_id = piece.table, sources.models, sources.portal_id
    if TABLES[name].keyed_by == "message":
        return await _both_of_messages(sources, name, before, view, [key[0] for key in keys])
    if name == "members":
        pairs = [(key[0], key[1]) for key in keys]
        return (
            await members_of(session, portal_id, before, pairs),
            await members_of(session, portal_id, view, pairs),
        )
    subject, ids = name.removesuffix("s"), [key[0] for key in keys]
    return (
        await profiles_of(session, portal_id, before, subject, ids),
        await profiles_of(session, portal_id, view, subject, ids),
    )


async def _both_of_messages(
    sources: Sources, name: PartName, before: View, view: View, message_ids: Sequence[int]
) -> tuple[Rows, Rows]:
    """Fold what was told before, and read what is stored, where the view knows all of it."""
    session, portal_id = sources.models, sources.portal_id
    values = {"portal_id": portal_id, "message_ids": message_ids}
    ends = await session.rows(_ENDS, **values)
    whole = [row[0] for row in ends if row[2] <= view.position and row[3] <= view.time]
    cut = {*message_ids}.difference(whole)
    older = {row[0] for row in ends if row[1] <= before.position}
    told = await facts_of_messages(session, portal_id, view, sorted(cut | older))
    now = await stored_of_messages(session, portal_id, name, whole)
    now += [row for each in cut & told.keys() for row in of_message(name, told[each])]
    was: Rows = []
    for facts in told.values():
        known = [fact for fact in facts if fact.position <= before.position]
        was += of_message(name, known)
    return was, sorted(now, key=itemgetter(0))
