"""Read models that other code has made are made anew, while they are read."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

from eventstore.errors import EventstoreError
from eventstore.pointers import Pointers
from projections.errors import ProjectionsError
from projections.rebuild import Selection, rebuild
from projections.workers import default_jobs

if TYPE_CHECKING:
    from api.state import State

_log = structlog.get_logger()

_LOOK: Final = 1.0
"""Seconds between two looks at what is read."""

_AGAIN: Final = 30.0
"""Seconds until what failed is tried again, or until another server had time to do it."""

_PROCESSES: Final = 2
"""At least: in a thread of the server, a rebuild would slow down its requests."""


async def renew_forever(state: "State") -> None:
    """Rebuild the portals whose generation other code has made, as soon as there are any."""
    while True:
        current = await _renew(state)
        await asyncio.sleep(_LOOK if current else _AGAIN)


async def _renew(state: "State") -> bool:
    """Say whether all that is read is current."""
    outdated = state.live.outdated
    if not outdated:
        return True
    try:
        if await Pointers(state.catalog).making(time.time_ns() // 1000):
            return False  # another server or a command is at it
        _log.warning("other code made the read models: rebuilding them", portals=len(outdated))
        jobs = max(default_jobs(), _PROCESSES)
        done = await rebuild(
            state.store, state.catalog, _silent, what=Selection(outdated), jobs=jobs
        )
    except (EventstoreError, ProjectionsError) as error:
        _log.error("the read models cannot be rebuilt now", error=str(error))
        return False
    _log.info("read models rebuilt", generation=done.generation, events=done.events)
    await state.refresh()
    return True


def _silent(_done: int, _total: int) -> None:
    """Progress nobody waits for."""
