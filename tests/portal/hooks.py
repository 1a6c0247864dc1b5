"""Webhooks of the portal's bots: lost, repeated and delayed as the portal's switches say.

Bitrix24 may do all of that, and repeats nothing for sure (reference, section 2.1).
"""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final

from tests.portal.payloads import Happening, form, legacy_webhook, v2_webhook
from tests.portal.portal import Portal

Send = Callable[[bytes], Awaitable[None]]
"""Brings a form body to a hook; what it answers does not matter to the portal."""

_KINDS: Final = ("posted", "edited", "deleted")
_TELLERS: Final[dict[str, Callable[[Happening, int], dict[str, Any]]]] = {
    "legacy": legacy_webhook,
    "v2": v2_webhook,
}


@dataclass
class Hooks:
    """What the legacy bot 912 and the v2 bot 940 tell of messages that people write."""

    portal: Portal
    random: Random
    families: tuple[str, ...] = ("legacy", "v2")
    lost: float = 0.0
    """Of all webhooks, how many are never sent."""
    repeated: float = 0.0
    """How many are sent once more."""
    delay: float = 0.0
    """The most seconds that one is late."""
    sent: int = 0
    _waiting: list[tuple[float, int, bytes]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self.portal.world.listeners.append(self._hear)

    async def deliver(self, send: Send) -> None:
        """Send what is due by the portal's clock."""
        while self._waiting and self._waiting[0][0] <= self.portal.clock.now:
            _, _, body = heapq.heappop(self._waiting)
            self.sent += 1
            await send(body)

    def _hear(self, said: Happening) -> None:
        if said.kind not in _KINDS or not said.author or said.pair is not None:
            return
        for family in self.families:
            if self.random.random() < self.lost:
                continue
            times = 2 if self.random.random() < self.repeated else 1
            body = form(_TELLERS[family](said, int(self.portal.clock.now)))
            for _ in range(times):
                due = self.portal.clock.now + self.random.random() * self.delay
                heapq.heappush(self._waiting, (due, next(self._numbers), body))
