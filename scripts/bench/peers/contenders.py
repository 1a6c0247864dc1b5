"""Who appends beside us, on which engine, and how."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from scripts.bench.peers import EVENTSOURCING, PY_EVENT_SOURCING, rate_of

LOCKED: Final = EVENTSOURCING
"""As it is set up by itself: on PostgreSQL each commit locks the table, so that no reader misses
an event. It is the mode that promises what we promise."""

_WITH_FUNCTIONS: Final = f"{EVENTSOURCING}, functions in the database"
_NORMAL: Final = f"{PY_EVENT_SOURCING} (not durable: synchronous=NORMAL)"


class Contender(NamedTuple):
    """A peer in one of its modes."""

    name: str
    peer: str

    async def append(self, address: str, file: Path, callers: int) -> float:
        """Append the lines of a file to a new file or database; return events a second."""
        if self.peer == PY_EVENT_SOURCING:
            return await rate_of(self.peer, address, str(file), str(callers))
        return await self._asked("append", address, file, callers)

    async def project(self, address: str, file: Path) -> float:
        """Let its projection runner take in the lines of a file; return events a second."""
        return await self._asked("project", address, file, 1)

    async def _asked(self, doing: str, address: str, file: Path, callers: int) -> float:
        functions = "yes" if self.name == _WITH_FUNCTIONS else "no"
        return await rate_of(self.peer, doing, address, functions, str(file), str(callers))


def contenders(engine: str) -> Sequence[Contender]:
    """Return who can append on an engine."""
    locked = Contender(LOCKED, EVENTSOURCING)
    if engine == "SQLite":
        return [locked, Contender(_NORMAL, PY_EVENT_SOURCING)]
    return [locked, Contender(_WITH_FUNCTIONS, EVENTSOURCING)]
