"""Derives everything again from the log, and compares what is stored."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from eventstore.database import Pool, Session
from eventstore.directory import Portal
from eventstore.store import Store
from projections.build import Plan, build
from projections.compare import RowDifference, compare
from projections.difference import Difference, Progress
from projections.generations import ahead_of_log
from projections.project import checkpoints
from projections.scratch import scratch


async def verify_read_models(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[Difference]:
    """Decode and fold again, up to where the generations are, and compare every row.

    Facts are compared first, then what was folded from them. Reads only, beside tables of its
    own that are removed; a server may run.
    """
    for portal in portals:
        for head, position in await _ahead(store, portal):
            detail = f"the read models know position {position}, the log ends at {head}"
            yield Difference(portal.slug, "log_head", detail)
    async with aclosing(differing_rows(store, portals, progress, jobs=jobs)) as differing:
        async for portal, found in differing:
            yield Difference(portal.slug, _place(found), _in_words(found))


async def differing_rows(
    store: Store, portals: Sequence[Portal], progress: Progress, *, jobs: int | None = None
) -> AsyncGenerator[tuple[Portal, RowDifference]]:
    """The same with what is stored, and what it should be: give each row that differs.

    A portal whose log was cut back is left out: nothing can be derived as it was.
    """
    by_generation: defaultdict[int, list[Portal]] = defaultdict(list)
    for portal in portals:
        if await store.generation(portal.generation).exists() and not await _ahead(store, portal):
            by_generation[portal.generation].append(portal)
    for number, of_it in sorted(by_generation.items()):
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
    reached = await checkpoints(kept)
    upto = {portal.id: reached.get(portal.id, 0) for portal in portals}
    with scratch(store) as again:
        await build(again, Plan(store.log, upto), progress, jobs=jobs)
        derived = Pool(again, 1)
        try:
            async with derived.reading() as built:
                for portal in portals:
                    async with aclosing(compare(kept, built, portal.id)) as differing:
                        async for difference in differing:
                            yield portal, difference
        finally:
            await derived.close()


async def _ahead(store: Store, portal: Portal) -> list[tuple[int, int]]:
    """Give head and position if the read models of a portal know more than the log."""
    ahead = await ahead_of_log(store, portal.generation)
    return [(head, position) for portal_id, position, head in ahead if portal_id == portal.id]


def _place(found: RowDifference) -> str:
    return f"{found.table} {'/'.join(map(str, found.key))}"


def _in_words(found: RowDifference) -> str:
    if found.column is not None:
        return f"{found.column} is not what the log says"
    return "is stored, but not derived" if found.stored else "is derived, but not stored"
