"""Brings the rows of some keys up to date with all that is known of them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, select

from eventstore.database import Pairs, Row, Session, one_of, pair_of
from projections.facts import Fact
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
    fold_message,
    fold_user,
    fold_watch,
)
from projections.spans import Span
from projections.tables import MEMBER_KINDS, OF_MEMBERS, fact, profile, span

_SLICE: Final = 16
"""Keys that are folded before other tasks of the process get their turn."""

_FACTS = (
    select(fact)
    .where(fact.c.portal_id == bindparam("portal_id"), one_of(fact.c.message_id, "keys"))
    .order_by(fact.c.message_id)
)
_MEMBERS = select(fact).where(
    fact.c.portal_id == bindparam("portal_id"),
    OF_MEMBERS,
    pair_of(fact.c.chat_id, fact.c.user_id, "keys"),
)
_PRESENCE = select(span).where(
    span.c.portal_id == bindparam("portal_id"),
    span.c.subject == "presence",
    pair_of(span.c.subject_id, span.c.user_id, "keys"),
)
_SPANS = (
    select(span, profile.c.content)
    .join(profile, (profile.c.portal_id == span.c.portal_id) & (profile.c.id == span.c.profile))
    .where(
        span.c.portal_id == bindparam("portal_id"),
        span.c.subject == bindparam("subject"),
        one_of(span.c.subject_id, "keys"),
    )
    .order_by(span.c.subject_id)
)


class Touched(NamedTuple):
    """The keys of which something new is known."""

    messages: set[int]
    members: set[tuple[int, int]]
    chats: set[int]
    users: set[int]
    receivers: set[int]


def touched_by(facts: Iterable[Fact], spans: Iterable[Span]) -> Touched:
    """Name the keys whose rows these facts and spans may change."""
    touched = Touched(set(), set(), set(), set(), set())
    for known in facts:
        if known.message_id is not None:
            touched.messages.add(known.message_id)
        if known.kind in MEMBER_KINDS:
            pair = known.chat_id, known.user_id
            if pair[0] is not None and pair[1] is not None:
                touched.members.add((pair[0], pair[1]))
    for seen in spans:
        if seen.subject == "presence":
            touched.members.add((seen.subject_id, seen.user_id))
        elif seen.subject == "chat":
            touched.chats.add(seen.subject_id)
        elif seen.subject == "queue":
            touched.receivers.add(seen.subject_id)
        else:
            touched.users.add(seen.subject_id)
    return touched


async def refold(session: Session, portal_id: int, touched: Touched) -> None:
    """Fold these keys from all that the generation knows, and replace their rows."""
    if touched.messages:
        await _replace(
            session,
            portal_id,
            MESSAGE,
            touched.messages,
            _message_rows(session, portal_id, touched),
        )
    if touched.members:
        await _replace(
            session, portal_id, MEMBER, touched.members, _member_rows(session, portal_id, touched)
        )
    for model, keys, subject, fold in (
        (CHAT, touched.chats, "chat", fold_chat),
        (USER, touched.users, "user", fold_user),
        (WATCH, touched.receivers, "queue", fold_watch),
    ):
        if keys:
            folded = _profile_rows(session, portal_id, keys, subject, fold)
            await _replace(session, portal_id, model, keys, folded)


async def _replace(
    session: Session,
    portal_id: int,
    model: ReadModel,
    keys: Collection[Any],
    folded: AsyncIterator[Rows],
) -> None:
    rows: list[list[Row]] = [[] for _ in model.tables]
    count = 0
    async for of_key in folded:
        for of_table, found in zip(rows, of_key, strict=True):
            of_table.extend(found)
        count += 1
        if count % _SLICE == 0:
            await asyncio.sleep(0)
    for deletion in model.deletions:
        await session.run(deletion, portal_id=portal_id, keys=model.parameter(keys))
    for table, new in zip(model.tables, rows, strict=True):
        await session.insert(table, new)


async def _message_rows(session: Session, portal_id: int, touched: Touched) -> AsyncIterator[Rows]:
    rows = await session.rows(_FACTS, portal_id=portal_id, keys=list(touched.messages))
    facts = [Fact._make(row) for row in rows]
    for _, of_message in groupby(facts, attrgetter("message_id")):
        yield fold_message(list(of_message))


async def _member_rows(session: Session, portal_id: int, touched: Touched) -> AsyncIterator[Rows]:
    keys = Pairs(touched.members)
    facts: defaultdict[tuple[int | None, int | None], list[Fact]] = defaultdict(list)
    for row in await session.rows(_MEMBERS, portal_id=portal_id, keys=keys):
        known = Fact._make(row)
        facts[known.chat_id, known.user_id].append(known)
    spans: defaultdict[tuple[int, int], list[Span]] = defaultdict(list)
    for row in await session.rows(_PRESENCE, portal_id=portal_id, keys=keys):
        seen = Span._make(row)
        spans[seen.subject_id, seen.user_id].append(seen)
    for pair in touched.members:
        yield fold_member(facts[pair], spans[pair])


async def _profile_rows(
    session: Session,
    portal_id: int,
    keys: Collection[int],
    subject: str,
    fold: Callable[[Sequence[Span], dict[int, str]], Rows],
) -> AsyncIterator[Rows]:
    rows = await session.rows(_SPANS, portal_id=portal_id, subject=subject, keys=list(keys))
    for _, of_subject in groupby(rows, lambda row: row[2]):
        found = list(of_subject)
        spans = [Span._make(row[:-1]) for row in found]
        yield fold(spans, {row[4]: row[-1] for row in found})
