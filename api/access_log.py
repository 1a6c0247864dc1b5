"""Who looked: every read of content is in a log of its own before its answer begins."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from pydantic_core import to_json

from api.gathering import Gathering, Write
from api.problems import Problem
from api.times import now
from eventstore.access_log import receiver_of
from eventstore.errors import StoreUnavailable
from eventstore.event import NewEvent
from eventstore.log import Origin, Pending

Kind = Literal["read", "stream_opened", "stream_closed", "export_ordered", "export_removed"]

_SUFFIXES: Final[Mapping[Kind, str]] = {
    "read": "",
    "stream_opened": ":opened",
    "stream_closed": ":closed",
    "export_ordered": ":ordered",
    "export_removed": ":removed",
}
"""What follows the request's id in an entry's key."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Look:
    """A request that reads content: who asks, by which route, for what.

    `filters` are the parameters as they were given; of a cursor, the key that it holds.
    """

    origin: Origin
    token_id: str
    request_id: str
    callers_id: str | None
    route: str
    ids: Mapping[str, int]
    filters: Mapping[str, Any]


class AccessLog:
    """Records who looks. What it cannot record must not be shown.

    What records returns when the entry is written, as durably as `write` makes it, and raises
    Problem(access_log_unavailable) when it is not.
    """

    def __init__(self, write: Write) -> None:
        self._gathering = Gathering(write)

    def underway(self) -> AbstractContextManager[None]:
        """Say that a read is under way, which will be recorded right after the context."""
        return self._gathering.underway()

    async def read(self, look: Look, *, position: int, count: int, status: int) -> None:
        """Record an answer before its first byte is sent: what it is true for, how much it has."""
        await self._record("read", look, position, count, status)

    async def stream_opened(self, look: Look, *, position: int) -> None:
        """Record that a stream begins behind a position, before its first byte is sent.

        While nothing says that it was closed, all that came later may have been seen.
        """
        await self._record("stream_opened", look, position, 0)

    async def stream_closed(self, look: Look, *, position: int, count: int) -> None:
        """Record how far a stream came, and how much was sent in it."""
        await self._record("stream_closed", look, position, count)

    async def export_ordered(self, look: Look, *, position: int) -> None:
        """Record that an export is ordered, before it is. What is read of it is recorded, too."""
        await self._record("export_ordered", look, position, 1, 202)

    async def export_removed(self, look: Look, *, position: int) -> None:
        """Record that an export is removed, before it is."""
        await self._record("export_removed", look, position, 1, 204)

    async def _record(
        self, kind: Kind, look: Look, position: int, count: int, status: int = 200
    ) -> None:
        said = {  # canonical: no space, and names in their order
            "answered_position": position,
            "caller_request_id": look.callers_id,
            "count": count,
            "filters": dict(sorted(look.filters.items())),
            "ids": {name: str(number) for name, number in sorted(look.ids.items())},
            "route": look.route,
            "status": status,
        }
        entry = NewEvent(
            key=look.request_id + _SUFFIXES[kind],
            source="http",
            receiver=receiver_of(look.token_id),
            sequence=None,
            event_type=kind.upper(),
            received_at=now(),
            sent_at=None,
            payload=to_json(said).decode(),
        )
        try:
            await self._gathering.append(Pending(look.origin, entry))
        except StoreUnavailable as error:
            _log.error("a read was refused: the access log takes nothing", error=str(error))
            raise Problem(
                "access_log_unavailable",
                "Who reads cannot be recorded now, so nothing is shown. Ask again in a moment.",
            ) from None
