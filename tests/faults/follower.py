"""Somebody who follows a log by position, each time from where he was."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Final

from eventstore import log
from eventstore.database import Place, Pool
from tests.faults.checks import Found

_PACE: Final = 0.01
"""Seconds between two looks."""


class Follower:
    """Follows the log of one portal, and counts what he sees."""

    def __init__(self, place: Place, portal_id: int) -> None:
        self.seen: Counter[str] = Counter()
        self.out_of_order = 0
        self._pool = Pool(place, 1)
        self._portal_id = portal_id
        self._after = 0

    async def run(self, last: asyncio.Event) -> None:
        """Follow until the last event is there, and to the end of the log then."""
        try:
            ended = False
            while not ended:
                ended = last.is_set()
                while await self._page():
                    pass
                await asyncio.sleep(_PACE)
        finally:
            await self._pool.close()

    async def _page(self) -> bool:
        async with self._pool.reading() as session:
            events = await log.page(session, self._portal_id, after=self._after, limit=500)
        for event in events:
            self.out_of_order += event.position != self._after + 1
            self._after = event.position
            self.seen[event.key] += 1
        return bool(events)

    def found(self, stored: Iterable[str]) -> Found:
        """What he missed, saw twice or out of order, of the keys that are stored in the end."""
        missed = sum(key not in self.seen for key in stored)
        twice = sum(self.seen.values()) - len(self.seen)
        return Found(missed, twice, self.out_of_order, [])
