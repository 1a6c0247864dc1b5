"""Fills an empty generation from the log: all facts first, then each key folded once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, select

from eventstore.database import Row, Session
from projections.derive import Derived
from projections.facts import Fact
from projections.pieces import Piece, Places, derivations, derived, folded, foldings
from projections.project import move_checkpoint, record
from projections.readmodels import (
    CHAT,
    MEMBER,
    MESSAGE,
    USER,
    WATCH,
    ReadModel,
    Rows,
    fold_chat,
    fold_member,
    fold_user,
    fold_watch,
)
from projections.spans import Span, SpanKey, merge
from projections.tables import OF_MEMBERS, fact, profile, span
from projections.workers import Workers

_BATCH: Final = 2_000
"""Members that are written together."""

_MOST_SPANS: Final = 50_000
"""Spans that are widened in memory before they are written."""

_BY_MEMBER = (
    select(fact)
    .where(
        fact.c.portal_id == bindparam("portal_id"),
        fact.c.chat_id.is_not(None),
        fact.c.user_id.is_not(None),
        OF_MEMBERS,
    )
    .order_by(fact.c.chat_id, fact.c.user_id)
)
_PRESENCE = (
    select(span)
    .where(span.c.portal_id == bindparam("portal_id"), span.c.subject == "presence")
    .order_by(span.c.subject_id, span.c.user_id)
)
_BY_SUBJECT = (
    select(span, profile.c.content)
    .join(profile, (profile.c.portal_id == span.c.portal_id) & (profile.c.id == span.c.profile))
    .where(span.c.portal_id == bindparam("portal_id"), span.c.subject == bindparam("subject"))
    .order_by(span.c.subject_id)
)

Progress = Callable[[int], None]
"""Is told how many events have been taken in since it was told last."""


class Fill(NamedTuple):
    """What is filled, from which log, by whom."""

    places: Places
    generation: Session
    workers: Workers


async def record_all(fill: Fill, portal_id: int, upto: int, progress: Progress) -> None:
    """Write what a portal's events up to a position say, and move the checkpoint there."""
    spans: dict[SpanKey, Span] = {}
    pieces = derivations(fill.places, portal_id, upto)
    async for (_, ranges), said in fill.workers.in_order(derived, pieces):
        merge(said.others.spans, into=spans)
        async with fill.generation.transaction():
            await fill.generation.insert(fact, said.facts)
            await record(fill.generation, said.others._replace(spans=[]))
            if len(spans) > _MOST_SPANS:
                await _record_spans(fill.generation, spans)
        progress(sum(each.upto - each.after for each in ranges))
    async with fill.generation.transaction():
        await _record_spans(fill.generation, spans)
        await move_checkpoint(fill.generation, portal_id, upto)


async def _record_spans(generation: Session, spans: dict[SpanKey, Span]) -> None:
    await record(generation, Derived([], [], list(spans.values()), []))
    spans.clear()


async def fold_all(fill: Fill, portal_id: int) -> None:
    """Fold every key of a portal, and write its rows."""
    pieces = await foldings(fill.generation, fill.places, portal_id)
    if fill.places.generation.shared:  # the workers write messages while we write the rest
        await asyncio.gather(_messages(fill, pieces), _others(fill.generation, portal_id))
        return
    await _messages(fill, pieces)
    await _others(fill.generation, portal_id)


async def _messages(fill: Fill, pieces: Sequence[Piece]) -> None:
    async for _, tables in fill.workers.in_order(folded, pieces):
        if any(tables):
            async with fill.generation.transaction():
                for table, rows in zip(MESSAGE.tables, tables, strict=True):
                    await fill.generation.insert(table, rows)


async def _others(generation: Session, portal_id: int) -> None:
    async with generation.transaction():
        await _write(generation, MEMBER, members(generation, portal_id))
        await _write(generation, CHAT, chats(generation, portal_id))
        await _write(generation, USER, users(generation, portal_id))
        await _write(generation, WATCH, watches(generation, portal_id))


async def _write(generation: Session, model: ReadModel, folded: AsyncIterator[list[Rows]]) -> None:
    async for batch in folded:
        for place, table in enumerate(model.tables):
            rows = [row for of_key in batch for row in of_key[place]]
            await generation.insert(table, rows)


async def members(generation: Session, portal_id: int) -> AsyncIterator[list[Rows]]:
    """Fold every user of every chat, in the order of the chats' ids."""
    facts = _grouped(generation.stream(_BY_MEMBER, portal_id=portal_id), itemgetter(5, 6))
    spans = _grouped(generation.stream(_PRESENCE, portal_id=portal_id), itemgetter(2, 3))
    batch: list[Rows] = []
    async for moves, seen in _joined(facts, spans):
        batch.append(fold_member(map(Fact._make, moves), map(Span._make, seen)))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


async def chats(generation: Session, portal_id: int) -> AsyncIterator[list[Rows]]:
    """Fold every chat, in the order of their ids."""
    async for batch in _by_subject(generation, portal_id, "chat"):
        yield [fold_chat(spans, contents) for spans, contents in batch]


async def users(generation: Session, portal_id: int) -> AsyncIterator[list[Rows]]:
    """Fold every user, in the order of their ids."""
    async for batch in _by_subject(generation, portal_id, "user"):
        yield [fold_user(spans, contents) for spans, contents in batch]


async def watches(generation: Session, portal_id: int) -> AsyncIterator[list[Rows]]:
    """Fold every queue that was watched, in the order of their receivers' numbers."""
    async for batch in _by_subject(generation, portal_id, "queue"):
        yield [fold_watch(spans, contents) for spans, contents in batch]


async def _by_subject(
    generation: Session, portal_id: int, subject: str
) -> AsyncIterator[list[tuple[list[Span], dict[int, str]]]]:
    stream = generation.stream(_BY_SUBJECT, portal_id=portal_id, subject=subject)
    async for batch in _grouped(stream, itemgetter(2)):
        yield [
            ([Span._make(row[:-1]) for row in rows], {row[4]: row[-1] for row in rows})
            for _, rows in batch
        ]


async def _grouped(
    stream: AsyncIterator[list[Row]], key: Callable[[Row], Any]
) -> AsyncIterator[list[tuple[Any, list[Row]]]]:
    """Group rows that come in the order of a key; a group is never cut."""
    kept: list[Row] = []
    async for rows in stream:
        groups = [(of, list(group)) for of, group in groupby([*kept, *rows], key)]
        kept = groups.pop()[1]
        if groups:
            yield groups
    if kept:
        yield [(key(kept[0]), kept)]


async def _joined(
    left: AsyncIterator[list[tuple[Any, list[Row]]]],
    right: AsyncIterator[list[tuple[Any, list[Row]]]],
) -> AsyncIterator[tuple[list[Row], list[Row]]]:
    """Bring together what two ordered streams have of one key; either may have nothing."""
    lefts, rights = _flat(left), _flat(right)
    one, other = await anext(lefts, None), await anext(rights, None)
    while one or other:
        key = min(group[0] for group in (one, other) if group)
        of_one: list[Row] = []
        of_other: list[Row] = []
        if one and one[0] == key:
            of_one, one = one[1], await anext(lefts, None)
        if other and other[0] == key:
            of_other, other = other[1], await anext(rights, None)
        yield of_one, of_other


async def _flat(
    batches: AsyncIterator[list[tuple[Any, list[Row]]]],
) -> AsyncIterator[tuple[Any, list[Row]]]:
    async for batch in batches:
        for group in batch:
            yield group
