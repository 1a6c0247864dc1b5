"""The coalescing appender: the one door to the log inside a process."""

from collections.abc import Sequence
from typing import Final, Protocol

from eventstore.event import NewEvent
from eventstore.log import Origin, Outcome, Pending

MAX_BATCH: Final = 2_000
"""Events after which a transaction takes no further caller."""


class Appender(Protocol):
    """Collects what callers bring into one transaction after another.

    While one transaction is written, the next one fills: under load many callers share one sync.
    A batch that cannot be written is tried caller by caller, so that nobody fails a neighbour.
    """

    async def append(self, origin: Origin, event: NewEvent) -> Outcome:
        """Append one event. When this returns, the event is durable.

        Raises StoreUnavailable when it may not be.
        """

    async def append_all(self, batch: Sequence[Pending]) -> list[Outcome]:
        """Append events, those of one portal all or none; return an outcome for each, in order.

        Raises StoreUnavailable when some of them may not be durable. To append them again is
        safe: what is there already is a duplicate.
        """

    async def close(self) -> None:
        """Write what is waiting, then stop."""
