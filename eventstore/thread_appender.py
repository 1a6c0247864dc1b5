"""The coalescing appender of SQLite: a thread of its own has the log's file."""

from collections.abc import Callable, Sequence

from eventstore.coalescing import Coalescing
from eventstore.event import NewEvent
from eventstore.log import Origin, Outcome, Pending

Commit = Callable[[Sequence[Pending]], list[Outcome]]


class ThreadAppender(Coalescing[Outcome]):
    """The door to the log. `end` is called when nothing more will be written."""

    def __init__(self, commit: Commit, end: Callable[[], None] = lambda: None) -> None:
        super().__init__(commit, "log-writer")
        self._end = end

    async def append(self, origin: Origin, event: NewEvent) -> Outcome:
        """Append one event. When this returns, the event is on disk.

        Raises StoreUnavailable when it is not.
        """
        return (await self.append_all([Pending(origin, event)]))[0]

    async def close(self) -> None:
        """Write what is waiting, then stop."""
        await super().close()
        self._end()
