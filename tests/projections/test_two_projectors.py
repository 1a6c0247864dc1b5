"""Two projectors of one generation: what both of them fail at hides nothing else."""

from collections.abc import Sequence

import pytest

from eventstore.database import Pool, Session
from eventstore.event import Event
from eventstore.log import Pending
from eventstore.migrations import ensure
from eventstore.store import Store
from projections import projector as module
from projections.generations import prepare_generation
from projections.project import project, take
from projections.projector import Projector
from tests.engines import query
from tests.eventstore.factories import ORIGIN, new

BAD = 2
"""The position of the event that no projector can project."""


async def test_an_event_that_both_fail_at_is_passed_over_once(
    fresh: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure(fresh)
    await prepare_generation(fresh, 1)
    events = Pool(fresh.log, 2)
    one, other = (Projector(events, fresh.generation(1), lambda: [1]) for _ in range(2))
    failures: list[int] = []

    async def fails(session: Session, portal_id: int, page: Sequence[Event]) -> None:
        if BAD in [event.position for event in page]:
            failures.append(len(page))
            raise ValueError
        await project(session, portal_id, page)

    async def late(session: Session, portal_id: int) -> int | None:
        if failures == [3, 1]:  # the one has just failed at it alone; the other is quicker
            failures.append(0)
            await other.catch_up()
        return await take(session, portal_id)

    monkeypatch.setattr(module, "project", fails)
    monkeypatch.setattr(module, "take", late)
    await append(fresh, 3)
    await one.catch_up()
    await append(fresh, 1)
    await one.catch_up()

    generation = fresh.generation(1)
    assert await query(generation, "SELECT position FROM checkpoint") == [(4,)]
    reasons = await query(generation, "SELECT position, reason FROM undecoded ORDER BY position")
    told = "no decoder for this event type"
    assert reasons == [(1, told), (BAD, "not projected: ValueError"), (3, told), (4, told)]
    for each in (one, other, events):
        await each.close()


async def append(store: Store, count: int) -> None:
    appender = await store.open_appender()
    ((head,),) = await query(store.log, "SELECT count(*) FROM event")
    await appender.append_all(
        [
            Pending(ORIGIN, new(f"webhook:{head + number}", event_type="ONNOTHING"))
            for number in range(count)
        ]
    )
    await appender.close()
