"""How events come in where the log is on another machine: by way of the spool if need be."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from api.settings import Settings
from api.times import now
from eventstore.directory import Snapshot
from eventstore.drain import Append
from eventstore.errors import StoreUnavailable
from eventstore.heads_seen import HeadsSeen
from eventstore.intake import Intake
from eventstore.log import Origin, Outcome, Pending
from eventstore.secret_key import SecretKey
from eventstore.spool import Spool, open_spool
from eventstore.spool_depth import Depth
from eventstore.waiting_bodies import WaitingBodies

_log = structlog.get_logger()


class Server(Protocol):
    """What the spool must know of the server that it is part of."""

    def origins(self) -> Mapping[int, Origin]:
        """Return the portals whose events may go to the log."""

    def landed(self, batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
        """Hear what became of events that came from the spool."""


@dataclass(frozen=True)
class Spooling:
    """The spool of this server, the way past it, and what the server has seen of the log."""

    spool: Spool
    intake: Intake
    seen: HeadsSeen
    bodies: WaitingBodies

    async def remember(self, snapshot: Snapshot) -> None:
        """Keep a copy of the catalog, by which the server can start while that is away."""
        try:
            await self.spool.remember(snapshot)
        except StoreUnavailable as error:
            _log.error("the spool keeps no copy of the catalog", error=str(error))


@asynccontextmanager
async def open_spooling(
    settings: Settings,
    key: SecretKey,
    append: Append,
    server: Server,
) -> AsyncIterator[Spooling]:
    """Open the spool that the settings name, until the context ends.

    Raises StoreInUse when another server has it, WrongSecretKey when it is of another
    installation, and StoreUnavailable when it cannot be opened.
    """
    async with open_spool(settings.spool, key, limit=settings.spool_max) as spool:
        intake = Intake(append, spool, origins=server.origins, drained=server.landed)
        seen = HeadsSeen(settings.spool / "heads.json")
        yield Spooling(spool, intake, seen, WaitingBodies(settings.spool / "unread", key))


def depth_shown(depth: Depth) -> dict[str, Any]:
    """Say how much waits, and for how long the oldest has."""
    since = now() if depth.oldest_at is None else depth.oldest_at
    return {
        "events": depth.events,
        "bytes": depth.bytes,
        "oldest_seconds": max(now() - since, 0) // 1_000_000,  # clocks may jump
        "refused": depth.refused,
    }
