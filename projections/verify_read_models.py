"""Derives everything again from the log, and compares what is stored."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from eventstore.database import Pool, Session
from eventstore.directory import Portal
from eventstore.log import heads_of
from eventstore.store import Store
from projections.build import Plan, build
from projections.compare import RowDifference, compare
from projections.difference import Difference, Progress
from projections.errors import StaleGeneration
from projections.generations import maker_of
from projections.project import checkpoints
from projections.scratch import scratch
from projections.tables import checkpoint


async def verify_read_models(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[Difference]:
    """Decode and fold again, up to where the generations are, and compare every row.

    Facts are compared first, then what was folded from them. Reads only, beside tables of its
    own that are removed; a server may run.
    """
    async with aclosing(differing_rows(store, portals, progress, jobs=jobs)) as differing:
        async for portal, found in differing:
            yield Difference(portal.slug, *_told(found))


async def differing_rows(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[tuple[Portal, RowDifference]]:
    """The same with what is stored, and what it should be: give each row that differs.

    Of a portal whose log was cut back, only that: nothing can be derived as it was.
    Raises StaleGeneration when what is stored has other tables.
    """
    by_generation: defaultdict[int, list[Portal]] = defaultdict(list)
    for portal in portals:
        by_generation[portal.generation].append(portal)
    for number, of_it in sorted(by_generation.items()):
        if not await store.generation(number).exists():
            continue
        stored = Pool(store.generation(number), 1)
        try:
            async with (
                stored.reading() as kept,
                aclosing(_differing(store, kept, of_it, progress, jobs)) as differing,
            ):
                async for found in differing:
                    yield found
        finally:
            await stored.close()


async def _differing(
    store: Store, kept: Session, portals: Sequence[Portal], progress: Progress, jobs: int | None
) -> AsyncGenerator[tuple[Portal, RowDifference]]:
    if await maker_of(kept) is None:
        raise StaleGeneration(
            f"generation {portals[0].generation} has other tables than this version reads:"
            " `chronicle rebuild`"
        )
    reached = await checkpoints(kept)
    newest = await heads_of(store.log)  # after what was derived from it
    upto = {}
    for portal in portals:
        position, head = reached.get(portal.id, 0), newest.get(portal.id, 0)
        if position <= head:
            upto[portal.id] = position
        else:
            yield portal, RowDifference(checkpoint.name, (), "position", position, head)
    with scratch(store) as again:
        await build(again, Plan(store.log, upto), progress, jobs=jobs)
        derived = Pool(again, 1)
        try:
            async with derived.reading() as built:
                for portal in (each for each in portals if each.id in upto):
                    async with aclosing(compare(kept, built, portal.id)) as differing:
                        async for difference in differing:
                            yield portal, difference
        finally:
            await derived.close()


def _told(found: RowDifference) -> tuple[str, str]:
    """Say where a difference is, and what it is."""
    if found.table == checkpoint.name:
        detail = f"the read models know position {found.stored}, the log ends at {found.derived}"
        return "log_head", detail
    place = f"{found.table} {'/'.join(map(str, found.key))}"
    if found.column is not None:
        return place, f"{found.column} is not what the log says"
    return place, "is stored, but not derived" if found.stored else "is derived, but not stored"
