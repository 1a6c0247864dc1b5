"""Read models are the truth where the queues saw it, in any order, and what a rebuild makes."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from eventstore import log
from eventstore.appender import Appender
from eventstore.database import Session
from eventstore.directory import Portal as Registration
from eventstore.log import Origin, Pending
from eventstore.migrations import ensure
from eventstore.store import Store
from projections.difference import Difference
from projections.generations import prepare_generation
from projections.project import project
from projections.tables import metadata
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests.portal.payloads import LEDGER
from tests.portal.truth import Message
from tests.promises.received import KEY, received
from tests.promises.server import NOW, READ_MODELS
from tests.promises.simulated_portal import Delivery, Portal
from tests.promises.told import SECOND, Told, told

examples: Final = settings(
    max_examples=100,
    deadline=None,
    # each example has a portal of its own
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
randoms: Final = st.randoms(use_true_random=False)
seeds: Final = st.integers(0, 2**32).map(Random)


def lives(chosen: st.SearchStrategy[Random]) -> st.SearchStrategy[Portal]:
    """Histories: those that hypothesis chooses it can make smaller, those of a seed are dense."""
    return st.builds(lambda random, steps: Portal(random).live(steps), chosen, st.integers(1, 40))


@dataclass
class Histories:
    """A log and a generation; every history has a portal of its own in them."""

    store: Store
    appender: Appender
    generation: Session
    events: Session
    read_models: Session
    portals: int = 0

    async def append(self, deliveries: Sequence[Delivery]) -> int:
        """Append what was delivered to a fresh portal; return its number."""
        self.portals += 1
        origin = Origin(self.portals, KEY)
        batch = [
            Pending(origin, event)
            for number, delivery in enumerate(deliveries)
            for event in received(delivery, str(number))
        ]
        await self.appender.append_all(batch)
        return self.portals

    async def project(self, portal_id: int, sizes: Iterator[int]) -> None:
        """Project a portal's log in batches of these sizes."""
        after = 0
        while page := await log.page(self.events, portal_id, after=after, limit=next(sizes)):
            async with self.generation.transaction():
                await project(self.generation, portal_id, page)
            after = page[-1].position

    async def rows(self, portal_id: int, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Give a portal's rows: these columns, or all but the portal and positions; in order."""
        kept = columns or [
            column.name
            for column in metadata.tables[table].columns
            if column.name != "portal_id" and not column.name.endswith("position")
        ]
        said = f"SELECT {', '.join(kept)} FROM {table} WHERE portal_id = {portal_id}"  # noqa: S608
        return sorted(map(tuple, await self.read_models.rows(text(said))), key=repr)


def all_at_once() -> Iterator[int]:
    while True:
        yield 1_000


@pytest.fixture
async def histories(fresh: Store) -> AsyncIterator[Histories]:
    await ensure(fresh)
    await prepare_generation(fresh, 1)
    place = fresh.generation(1)
    async with AsyncExitStack() as stack:
        opened = Histories(
            fresh,
            await fresh.open_appender(),
            await place.open_writer(),
            await fresh.log.open_reader(),
            await place.open_reader(),
        )
        for each in (opened.appender, opened.generation, opened.events, opened.read_models):
            stack.push_async_callback(each.close)
        yield opened


def truth(portal: Portal) -> Told:
    return Told(
        {message.id: _row(message) for message in portal.messages},
        {
            message.id: [(at * SECOND, text) for at, text in message.shown]
            for message in portal.messages
        },
        {
            (message.id, user, code): [_times(interval) for interval in intervals]
            for message in portal.messages
            for (user, code), intervals in message.reactions.items()
        },
        {key: [_times(stay) for stay in stays] for key, stays in portal.stays.items()}
        | _always_there(portal),
        {
            chat: seen
            for chat, titles in portal.titles.items()
            if (seen := [title for title in titles if (chat, title) in portal.told])
        },
    )


def _row(message: Message) -> tuple[Any, ...]:
    return (
        message.chat_id,
        message.author,
        message.text,
        "live" if message.deleted_at is None else "deleted",
        message.posted_at * SECOND,
        None if message.deleted_at is None else message.deleted_at * SECOND,
        message.texts[-1][0] * SECOND if len(message.texts) > 1 else None,
    )


def _times(interval: list[int | None]) -> tuple[Any, ...]:
    return tuple(None if at is None else at * SECOND for at in interval)


def _always_there(portal: Portal) -> dict[tuple[int, int], list[tuple[None, None]]]:
    """The two whom nobody saw join: known to be there once they did something."""
    seen = {(m.chat_id, m.author) for m in portal.messages if m.author in (58, LEDGER)}
    seen |= {
        (m.chat_id, user)
        for m in portal.messages
        for user, _ in m.reactions
        if user in (58, LEDGER)
    }
    return {key: [(None, None)] for key in seen}


@examples
@given(portal=lives(randoms | seeds), random=randoms)
async def test_read_models_are_the_truth_when_the_queues_saw_everything(
    histories: Histories, portal: Portal, random: Random
) -> None:
    random.shuffle(portal.deliveries)

    portal_id = await histories.append(portal.deliveries)
    await histories.project(portal_id, all_at_once())

    assert await histories.rows(portal_id, "undecoded") == []

    async def rows(table: str, *columns: str) -> list[tuple[Any, ...]]:
        return await histories.rows(portal_id, table, *columns)

    assert await told(rows) == truth(portal)


@examples
@given(portal=lives(randoms | seeds), random=randoms, lost=st.sampled_from((0, 3, 6)))
async def test_order_and_repetition_change_no_read_model(
    histories: Histories, portal: Portal, random: Random, lost: int
) -> None:
    """Also where queues are blind, so that nobody could know the truth."""
    arrived = [each for each in portal.deliveries if random.randrange(10) >= lost]
    again = arrived + [random.choice(arrived) for _ in arrived[:5]]
    random.shuffle(again)

    once, twice = await histories.append(arrived), await histories.append(again)
    await histories.project(once, all_at_once())
    await histories.project(twice, all_at_once())

    for table in READ_MODELS:
        assert await histories.rows(twice, table) == await histories.rows(once, table)


@settings(examples, max_examples=15)
@given(portals=st.lists(lives(seeds), min_size=1, max_size=5), random=randoms)
async def test_live_projection_in_any_batches_is_what_a_rebuild_makes(
    histories: Histories, portals: list[Portal], random: Random
) -> None:
    """Of several portals that lie beside each other."""

    def sizes() -> Iterator[int]:
        while True:
            yield random.choice((1, 1, 2, 3, 7, 20))

    ids: list[int] = []
    for portal in portals:
        random.shuffle(portal.deliveries)
        ids.append(await histories.append(portal.deliveries))
        await histories.project(ids[-1], sizes())

    assert [found async for found in _differences(histories.store, ids)] == []


async def _differences(store: Store, ids: list[int]) -> AsyncIterator[Difference]:
    portals = [Registration(each, f"portal-{each}", "member", None, NOW, 1, KEY) for each in ids]
    async for found in verify_log(store, portals, _silent):
        yield found
    async for found in verify_read_models(store, portals, _silent):
        yield found


def _silent(_done: int, _total: int) -> None:
    pass
