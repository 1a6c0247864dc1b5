"""A real poller in a simulated portal: what coverage calls seen was had, as of every position.

In half of the lives somebody else reads the queue, too, and acknowledges what is not theirs: where
that shows, however late. Who takes the first event after a day of silence, and never comes back,
is not noticed (decision 20).
"""

from contextlib import suppress
from random import Random
from typing import NamedTuple

import pytest

from eventstore.event import Event
from eventstore.fetching.connections import Connection
from eventstore.store import Store
from projections.coverage import coverage, seen_by
from projections.derive import derive
from projections.facts import Fact
from projections.intervals import union
from tests.eventstore.fetching.polled import Polled, polling
from tests.portal.payloads import Happening
from tests.portal.portal import FOREIGN
from tests.portal.truth import Impossible
from tests.projections.test_read_coverage import of_all

SECOND = 1_000_000
USER = "user:58"
KINDS = {"posted": "message_posted", "edited": "message_edited", "deleted": "message_deleted"}
PAUSES = (*[0, 1, 1, 2, 5, 40, 200, 4_000] * 5, 50_000, 100_000)


class Deed(NamedTuple):
    """What happened in a chat, and when, in microseconds; nobody's message is left out."""

    kind: str
    chat_id: int
    message_id: int | None
    at: int


async def live(polled: Polled, random: Random, *, thieves: float) -> list[Deed]:
    """Let people come, go and write while a poller comes and goes, and a share of thieves."""
    world, deeds = polled.portal.world, list[Deed]()

    def hear(said: Happening) -> None:
        if said.author and said.kind in KINDS:
            deeds.append(Deed(KINDS[said.kind], said.chat_id, said.message_id, said.at * SECOND))

    world.listeners.append(hear)
    chats = [world.open_chat(title, [41, 58, 63]).id for title in ("One", "Two")]
    if random.random() < 0.5:  # else nobody has subscribed yet
        polled.portal.queues.subscribe(58)
    polled.portal.switches.late_by = 10.0
    polled.portal.switches.late_share = random.choice((0.0, 0.3))
    connection = await polled.connect()
    for _ in range(120):
        polled.portal.clock.advance(random.choice(PAUSES))
        chat_id = random.choice(chats)
        if thieves and random.random() < thieves:
            await _rob(polled, connection)
            continue
        with suppress(Impossible):
            await _do(polled, connection, random, chat_id)
    await polled.empty(connection)
    return deeds


async def _do(polled: Polled, connection: Connection, random: Random, chat_id: int) -> None:
    world, portal = polled.portal.world, polled.portal
    messages = world.chats[chat_id].messages
    match random.randrange(24):
        case 12 | 13 | 14 | 15 | 16 | 17:
            world.post(chat_id, random.choice((41, 63)), f"so {random.random()}")
        case 0 | 1 | 2 | 3 | 4 | 5 if messages:
            world.edit(random.choice(messages), f"no {random.random()}")
        case 6 if messages:
            world.delete(random.choice(messages))
        case 7:
            world.remove(chat_id, 58, by=41)
        case 8 | 9:
            world.join(chat_id, 58, by=41)
        case 11:
            portal.queues.subscribe(58)
        case _ if 58 in portal.queues.subscribed:
            await polled.empty(connection)
        case _:
            pass


async def _rob(polled: Polled, connection: Connection) -> None:
    """Take all that waits, if something is left that can be missed, or one has been missed."""
    row = await polled.row(connection)
    page = polled.portal.queues.read([USER], FOREIGN, offset=None, limit=1_000)
    left = row.newest in {item["eventId"] for item in page.items}
    if left or row.state == "foreign_reader_suspected":
        polled.portal.steal(USER)


@pytest.mark.parametrize(
    "seed", [0, 12, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(13, 60))]
)
async def test_whatever_happened_where_all_was_seen_is_in_the_log(fresh: Store, seed: int) -> None:
    assert await _claimed(fresh, seed, thieves=0.0) > 0 or seed > 12  # or nothing was shown


@pytest.mark.parametrize(
    "seed", [29, 316, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(400, 460))]
)
async def test_what_somebody_else_has_taken_is_called_seen_by_nobody(
    fresh: Store, seed: int
) -> None:
    assert await _claimed(fresh, seed, thieves=0.06) > 0 or seed >= 400


async def _claimed(store: Store, seed: int, *, thieves: float) -> int:
    """Live, and check what is claimed as of every third position: of how many deeds it was."""
    async with polling(store) as polled:
        random = Random(seed)  # noqa: S311 - the same life again
        deeds = await live(polled, random, thieves=thieves)
        events = await polled.events()
    return sum(_check(events[:position], deeds) for position in range(1, len(events) + 1, 3))


def _check(events: list[Event], deeds: list[Deed]) -> int:
    facts = {_deed(fact) for fact in derive(events).facts}
    claimed = 0
    for chat_id in {deed.chat_id for deed in deeds}:
        evidence = of_all(events, chat_id)
        covered = union(part for each in seen_by(evidence) for part in each.covered)
        assert bool(covered) == (coverage(evidence).since is not None)
        for deed in deeds:
            if deed.chat_id == chat_id and any(
                since <= deed.at and deed.at + SECOND <= until for since, until in covered
            ):
                assert deed in facts
                claimed += 1
    return claimed


def _deed(fact: Fact) -> Deed:
    return Deed(fact.kind, fact.chat_id or 0, fact.message_id, fact.occurred_at)
