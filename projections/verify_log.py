"""Checks a log against itself: positions, bytes, keys; split over processes."""

import hmac
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Final, NamedTuple

from eventstore import integrity, log
from eventstore.database import Place, Pool
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.event import StoredEvent
from eventstore.store import Store
from projections.difference import Difference, Progress
from projections.workers import Workers, default_jobs, finished

_PAGE: Final = 2_000
"""Events that are read at once."""

_PIECE: Final = 10_000
"""Events that are checked by one process before it tells."""

_FEW: Final = 20_000
"""Events that are checked before other processes would have started."""


async def verify_log(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[Difference]:
    """Check positions for gaps, bytes against commitments, headers against leaves, and keys.

    Uses `jobs` processes, or as many as there are cores. Reads only; a server may run.
    """
    async with aclosing(_verify(store.log, portals, progress, jobs)) as found:
        async for difference in found:
            yield difference


async def verify_access_log(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[Difference]:
    """Check the access log in the same way."""
    async with aclosing(_verify(store.access_log, portals, progress, jobs)) as found:
        async for difference in found:
            yield difference._replace(place=f"access {difference.place}")


async def _verify(
    place: Place, portals: Sequence[Portal], progress: Progress, jobs: int | None
) -> AsyncGenerator[Difference]:
    pool = Pool(place, 1)
    try:
        heads = await log.heads_of(place)
        pieces = list(_pieces(place, portals, heads))
        total, done = sum(upto - after for *_, after, upto in pieces), 0
        with closing(Workers(1 if total < _FEW else jobs or default_jobs())) as workers:
            async for (*_, after, upto), found in workers.in_order(check_events, pieces):
                for difference in found:
                    yield difference
                done += upto - after
                progress(done, total)
        for portal in portals:
            async with pool.reading() as session:
                head = (await log.heads(session)).get(portal.id, 0)
                last = await log.newest(session, portal.id)
            if last != head:
                detail = f"the head is {head}, the last event {last}"
                yield Difference(portal.slug, "log_head", detail)
    finally:
        await pool.close()


def _pieces(
    place: Place, portals: Sequence[Portal], heads: Mapping[int, int]
) -> Iterator[tuple[Place, Portal, int, int]]:
    for portal in portals:
        head = heads.get(portal.id, 0)
        for after in range(0, head, _PIECE):
            yield place, portal, after, min(after + _PIECE, head)


def check_events(place: Place, portal: Portal, after: int, upto: int) -> list[Difference]:
    """Check the events behind one position up to another, in any process."""
    return finished(_check(place, portal, after, upto))


async def _check(place: Place, portal: Portal, after: int, upto: int) -> list[Difference]:
    found: list[Difference] = []
    pool = Pool(place, 1)
    try:
        position = after
        while page := await _page(pool, portal, position, upto):
            found += _of_page(portal, page, position)
            found += await _of_keys(pool, portal, page)
            position = page[-1].position
        if position < upto:
            found += await _gap(pool, portal, position, upto)
    finally:
        await pool.close()
    return found


async def _gap(pool: Pool, portal: Portal, position: int, upto: int) -> list[Difference]:
    """Report what is missing at the end of a piece, unless the next piece begins with it too."""
    async with pool.reading() as session:
        follows = await log.page(session, portal.id, after=upto, limit=1)
    if not follows or follows[0].position != upto + 1:
        return []
    detail = f"position {position + 1} is missing"
    return [Difference(portal.slug, f"event {upto + 1}", detail)]


class _Unreadable(NamedTuple):
    """An event that the database cannot give: its bytes are no row of the table any more."""

    position: int


async def _page(
    pool: Pool, portal: Portal, after: int, head: int
) -> Sequence[StoredEvent | _Unreadable]:
    limit = min(_PAGE, head - after)
    try:
        async with pool.reading() as session:
            page = await log.stored_page(session, portal.id, after=after, limit=limit)
        return [event for event in page if event.position <= head]
    except StoreUnavailable:
        # One of them takes all others along. What the database says of it could quote it.
        each = range(after + 1, after + limit + 1)
        return [found for position in each for found in await _alone(pool, portal, position)]


async def _alone(pool: Pool, portal: Portal, position: int) -> Sequence[StoredEvent | _Unreadable]:
    try:
        async with pool.reading() as session:
            return await log.stored_at(session, portal.id, [position])
    except StoreUnavailable:
        return [_Unreadable(position)]


async def _of_keys(
    pool: Pool, portal: Portal, page: Sequence[StoredEvent | _Unreadable]
) -> list[Difference]:
    """Check that each key leads to its event: that is how the same delivery is known again."""
    readable = [event.position for event in page if isinstance(event, StoredEvent)]
    try:
        found = await _astray(pool, portal, range(page[0].position, page[-1].position + 1))
    except StoreUnavailable:
        # One that cannot be looked for takes all others along.
        found = []
        for position in readable:
            try:
                found += await _astray(pool, portal, range(position, position + 1))
            except StoreUnavailable:
                found.append(position)
    return [
        Difference(portal.slug, f"event {position}", "key does not lead to it")
        for position in sorted({*found} & {*readable})
    ]


async def _astray(pool: Pool, portal: Portal, among: range) -> list[int]:
    async with pool.reading() as session:
        return await log.astray(session, portal.id, after=among.start - 1, upto=among.stop - 1)


def _of_page(
    portal: Portal, page: Sequence[StoredEvent | _Unreadable], before: int
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


def _of_event(portal: Portal, event: StoredEvent, place: str) -> Iterator[Difference]:
    for column in integrity.differences(event):
        yield Difference(portal.slug, place, f"{column} does not match what is stored")
    kind, _, name = event.key.partition(":")
    if kind == "fetch" and name.partition("~")[0] != str(event.sequence):
        yield Difference(portal.slug, place, "key does not name the sequence")
    if kind == "import":
        digest = hmac.digest(portal.hmac_key, event.payload, "sha256").hex()
        if name.partition("~")[0] != digest:
            yield Difference(portal.slug, place, "key does not match the payload")
