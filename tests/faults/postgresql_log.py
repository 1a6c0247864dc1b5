"""A log on PostgreSQL that a fault strikes: what senders bring to it, and what is in it then."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from eventstore.directory import Portal
from eventstore.log import Origin, Outcome, Pending
from eventstore.postgres_store import PostgresStore
from eventstore.spool import Spooled
from projections.verify_log import verify_log
from tests.engines import query
from tests.eventstore.factories import new
from tests.faults.checks import Found

ORIGINS: Final = {number: Origin(number, bytes([number]) * 32) for number in (1, 2, 3)}
MOST: Final = 5
"""Events that a sender brings together, at most."""

Places = dict[str, int]
"""The position of each key."""

Append = Callable[[Sequence[Pending]], Awaitable[Sequence[Outcome | Spooled]]]


async def places(store: PostgresStore, portal_id: int) -> Places:
    """Where each key of a portal is, in the order of the log."""
    rows = await query(
        store.log,
        f"SELECT key, position FROM event WHERE portal_id = {portal_id:d} ORDER BY position",  # noqa: S608
    )
    return dict(row for row in rows)


async def check_portal(
    store: PostgresStore, origin: Origin, acknowledged: Mapping[str, int | None]
) -> Found:
    """Positions without a gap, commitments, all that was acknowledged there once, where told."""
    stored = await places(store, origin.portal_id)
    told = {key: position for key, position in acknowledged.items() if position is not None}
    misplaced = sum(position != place for place, position in enumerate(stored.values(), 1))
    misplaced += sum(stored.get(key, position) != position for key, position in told.items())
    number = origin.portal_id
    portal = Portal(number, f"portal-{number}", f"m{number}", None, 0, 1, origin.hmac_key)
    differences = [each async for each in verify_log(store, [portal], lambda _done, _all: None)]
    return Found(
        lost=sum(key not in stored for key in acknowledged),
        duplicated=len(stored) - len({key.partition("~")[0] for key in stored}),
        out_of_order=misplaced,
        wrong=[str(difference) for difference in differences],
    )


@dataclass
class Senders:
    """Senders that bring numbered events to the door of a store, each its own in their order."""

    append: Append
    each: int = 3
    """Senders for each portal."""
    acknowledged: dict[int, dict[str, int | None]] = field(
        default_factory=lambda: {number: {} for number in ORIGINS}
    )
    """The keys that were answered for, by portal, and the position if one was told."""
    spooled: int = 0
    _answered: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Send for ever."""
        async with asyncio.TaskGroup() as tasks:
            for origin in ORIGINS.values():
                for sender in range(self.each):
                    tasks.create_task(self._send(origin, sender))

    async def _send(self, origin: Origin, sender: int) -> None:
        random = Random(sender)  # noqa: S311 - no secret
        number = 0
        while True:
            size = random.randint(1, MOST)
            keys = [f"webhook:{sender}-{number + index}" for index in range(size)]
            number += size
            outcomes = await self.append([Pending(origin, new(key)) for key in keys])
            async with self._answered:
                for key, outcome in zip(keys, outcomes, strict=True):
                    self.acknowledged[origin.portal_id][key] = outcome.position
                    self.spooled += outcome.position is None
                self._answered.notify_all()
            await asyncio.sleep(0.01 * random.random())

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so after an answer."""
        async with self._answered:
            await self._answered.wait_for(reached)

    async def more(self, events: int) -> None:
        """Wait until so many more events were answered for."""
        goal = self.count + events
        await self.until(lambda: self.count >= goal)

    def have_spooled(self, events: int) -> bool:
        """Whether so many events were kept for later."""
        return self.spooled >= events

    @property
    def count(self) -> int:
        """How many events were answered for."""
        return sum(map(len, self.acknowledged.values()))


async def overtaken(store: PostgresStore, portal_id: int) -> int:
    """How many events of a portal stand before one that their sender sent earlier."""
    newest: Counter[str] = Counter()
    count = 0
    for key in await places(store, portal_id):
        sender, _, number = key.partition("~")[0].removeprefix("webhook:").partition("-")
        count += int(number) + 1 <= newest[sender]
        newest[sender] = max(newest[sender], int(number) + 1)
    return count
