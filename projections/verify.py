"""Derives everything again from the stored bytes, and compares."""

import hmac
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table, bindparam, select

from eventstore import integrity, log
from eventstore.database import Pool, Row, Session
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.event import Event
from eventstore.store import Store
from projections.build import Plan, build
from projections.generations import ahead_of_log
from projections.project import checkpoints
from projections.scratch import scratch
from projections.tables import checkpoint, metadata

_PAGE: Final = 2_000

Progress = Callable[[int, int], None]
"""Is told how many events of how many are verified."""

_COMPARED: Final = [table for table in metadata.sorted_tables if table is not checkpoint]
_ROWS: Final = {
    table.name: select(table)
    .where(table.c.portal_id == bindparam("portal_id"))
    .order_by(*table.primary_key.columns)
    for table in _COMPARED
}


class Difference(NamedTuple):
    """Something stored that is not what it should be, and exactly where. Never with its content."""

    portal: str
    place: str
    detail: str


async def verify_log(
    store: Store, portals: Sequence[Portal], progress: Progress
) -> AsyncIterator[Difference]:
    """Check positions for gaps, bytes against commitments, headers against leaves, and keys.

    Reads only; a server may run.
    """
    pool = Pool(store.log, 1)
    try:
        async with pool.reading() as session:
            heads = await log.heads(session)
        total, done = sum(heads.get(portal.id, 0) for portal in portals), 0
        for portal in portals:
            position, head = 0, heads.get(portal.id, 0)
            while page := await _page(pool, portal, position, head):
                for difference in _of_page(portal, page, position):
                    yield difference
                for difference in await _of_keys(pool, portal, page):
                    yield difference
                position = page[-1].position
                done += len(page)
                progress(done, total)
            last = await _beyond(pool, portal) or position
            if last != head:
                detail = f"the head is {head}, the last event {last}"
                yield Difference(portal.slug, "log_head", detail)
    finally:
        await pool.close()


class _Unreadable(NamedTuple):
    """An event that the database cannot give: its bytes are no row of the table any more."""

    position: int


async def _page(pool: Pool, portal: Portal, after: int, head: int) -> Sequence[Event | _Unreadable]:
    limit = min(_PAGE, head - after)
    try:
        async with pool.reading() as session:
            page = await log.page(session, portal.id, after=after, limit=limit)
        return [event for event in page if event.position <= head]
    except StoreUnavailable:
        # One of them takes all others along. What the database says of it could quote it.
        each = range(after + 1, after + limit + 1)
        return [found for position in each for found in await _alone(pool, portal, position)]


async def _alone(pool: Pool, portal: Portal, position: int) -> Sequence[Event | _Unreadable]:
    try:
        async with pool.reading() as session:
            return await log.events_at(session, portal.id, [position])
    except StoreUnavailable:
        return [_Unreadable(position)]


async def _beyond(pool: Pool, portal: Portal) -> int | None:
    """Find an event that the head does not know of. While a server appends, heads move."""
    async with pool.reading() as session:
        head = (await log.heads(session)).get(portal.id, 0)
        beyond = await log.page(session, portal.id, after=head, limit=1)
    return beyond[0].position if beyond else None


async def _of_keys(
    pool: Pool, portal: Portal, page: Sequence[Event | _Unreadable]
) -> list[Difference]:
    """Check that each key leads to its event: that is how the same delivery is known again."""
    events = [event for event in page if isinstance(event, Event)]
    keys = [str(event.key) for event in events]  # of bytes that were altered, it may be none
    async with pool.reading() as session:
        found = await log.positions(session, portal.id, keys)
    return [
        Difference(portal.slug, f"event {event.position}", "key does not lead to it")
        for event in events
        if found.get(event.key) != event.position
    ]


def _of_page(
    portal: Portal, page: Sequence[Event | _Unreadable], before: int
) -> Iterator[Difference]:
    for event in page:
        place = f"event {event.position}"
        if event.position != before + 1:
            yield Difference(portal.slug, place, f"position {before + 1} is missing")
        before = event.position
        if isinstance(event, _Unreadable):
            yield Difference(portal.slug, place, "cannot be read")
            continue
        try:
            yield from _of_event(portal, event, place)
        except (AttributeError, TypeError):
            yield Difference(portal.slug, place, "is not of the types that are stored")


def _of_event(portal: Portal, event: Event, place: str) -> Iterator[Difference]:
    for column in integrity.differences(event):
        yield Difference(portal.slug, place, f"{column} does not match what is stored")
    kind, _, name = event.key.partition(":")
    if kind == "fetch" and name.partition("~")[0] != str(event.sequence):
        yield Difference(portal.slug, place, "key does not name the sequence")
    if kind == "import":
        digest = hmac.digest(portal.hmac_key, event.payload.encode(), "sha256").hex()
        if name.partition("~")[0] != digest:
            yield Difference(portal.slug, place, "key does not match the payload")


async def verify_read_models(
    store: Store, portals: Sequence[Portal], progress: Progress
) -> AsyncIterator[Difference]:
    """Decode and fold again, up to where the generations are, and compare every row.

    Reads only, beside tables of its own that are removed; a server may run.
    """
    by_generation: defaultdict[int, list[Portal]] = defaultdict(list)
    for portal in portals:
        by_generation[portal.generation].append(portal)
    for number, of_it in sorted(by_generation.items()):
        if await store.generation(number).exists():
            async for difference in _verify_generation(store, number, of_it, progress):
                yield difference


async def _verify_generation(
    store: Store, number: int, portals: Sequence[Portal], progress: Progress
) -> AsyncIterator[Difference]:
    slugs = {portal.id: portal.slug for portal in portals}
    ahead = [row for row in await ahead_of_log(store, number) if row[0] in slugs]
    for portal_id, position, head in ahead:
        detail = f"the read models know position {position}, the log ends at {head}"
        yield Difference(slugs[portal_id], "log_head", detail)
    if ahead:
        return
    with scratch(store) as again:
        stored, derived = Pool(store.generation(number), 1), Pool(again, 1)
        try:
            async with stored.reading() as kept:
                reached = await checkpoints(kept)
                upto = {portal.id: reached.get(portal.id, 0) for portal in portals}
                await build(again, Plan(store.log, upto), progress)
                async with derived.reading() as built:
                    for portal in portals:
                        async for difference in compare(kept, built, portal):
                            yield difference
        finally:
            await stored.close()
            await derived.close()


async def compare(kept: Session, built: Session, portal: Portal) -> AsyncIterator[Difference]:
    """Compare all rows of a portal in two generations, table by table, in their keys' order."""
    for table in _COMPARED:
        lefts = _rows(kept, table, portal)
        rights = _rows(built, table, portal)
        left, right = await anext(lefts, None), await anext(rights, None)
        width = len(table.primary_key)
        while left or right:
            if left == right:
                left, right = await anext(lefts, None), await anext(rights, None)
            elif right is None or (left is not None and left[:width] < right[:width]):
                assert left is not None  # noqa: S101 - one of the two is there
                yield Difference(portal.slug, _place(table, left), "is stored, but not derived")
                left = await anext(lefts, None)
            elif left is None or right[:width] < left[:width]:
                yield Difference(portal.slug, _place(table, right), "is derived, but not stored")
                right = await anext(rights, None)
            else:
                for column, one, other in zip(table.columns, left, right, strict=True):
                    if one != other:
                        detail = f"{column.name} is not what the log says"
                        yield Difference(portal.slug, _place(table, left), detail)
                left, right = await anext(lefts, None), await anext(rights, None)


def _place(table: Table, row: Row) -> str:
    key = row[1 : len(table.primary_key)]
    return f"{table.name} {'/'.join(map(str, key))}"


async def _rows(session: Session, table: Table, portal: Portal) -> AsyncIterator[Row]:
    async for rows in session.stream(_ROWS[table.name], portal_id=portal.id):
        for row in rows:
            yield tuple(row)  # the drivers' own rows do not compare with each other
