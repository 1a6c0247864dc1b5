"""A log in memory that answers as a test tells it to."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from eventstore.errors import StoreUnavailable
from eventstore.log import Outcome, Pending

Answer = Literal["takes", "is away", "loses its answer", "hangs", "lands late"]
"""How an append ends. What is lost or late has landed, which only nobody is told."""


class FakeLog:
    """Keeps the keys of events in the order in which they landed, by portal."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        """How the next appends end. All that follow are taken."""
        self.always: Answer = "takes"
        self.refused: set[str] = set()
        """Keys of events that no log could take."""
        self.tried: list[list[str]] = []
        self.landed: dict[int, list[str]] = defaultdict(list)
        self.outcomes: list[str] = []
        self.recovered = asyncio.Event()

    async def append(self, batch: Sequence[Pending]) -> list[Outcome]:
        """Append, or fail, as the test says."""
        self.tried.append([pending.event.key for pending in batch])
        if not self.refused.isdisjoint(self.tried[-1]):
            raise ValueError("it quotes the CANARY")
        match self.answers.pop(0) if self.answers else self.always:
            case "takes":
                return self._land(batch)
            case "loses its answer":
                self._land(batch)
                raise StoreUnavailable("its answer is lost")
            case "is away":
                raise StoreUnavailable("it is away")
            case "hangs":
                await asyncio.Event().wait()
            case "lands late":
                # As a commit that goes on when its caller has gone.
                await asyncio.shield(asyncio.ensure_future(self._land_late(batch)))
        raise AssertionError

    async def _land_late(self, batch: Sequence[Pending]) -> None:
        await self.recovered.wait()
        self._land(batch)

    def _land(self, batch: Sequence[Pending]) -> list[Outcome]:
        return [self._land_one(pending) for pending in batch]

    def _land_one(self, pending: Pending) -> Outcome:
        keys = self.landed[pending.origin.portal_id]
        known = pending.event.key in keys
        if not known:
            keys.append(pending.event.key)
        outcome = Outcome("duplicate" if known else "appended", keys.index(pending.event.key) + 1)
        self.outcomes.append(outcome.outcome)
        return outcome
