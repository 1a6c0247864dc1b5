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

_LONGEST: Final = 3_600.0
"""Seconds until what fails every time is tried again: each attempt reads the whole log."""

_PROCESSES: Final = 2
"""At least: in a thread of the server, a rebuild would slow down its requests."""


async def renew_forever(state: "State") -> None:
    """Rebuild the portals whose generation other code has made, as soon as there are any.

    Only generations that were there when this server began: what is newer was made beside it, by
    other code on purpose. Servers of two versions would rebuild each other's for ever.
    """
    newest, pause = 0, _AGAIN
    while True:
        newest = newest or max(state.live.pointers.values(), default=0)
        try:
            current = await _renew(state, newest)
        except Exception as error:  # noqa: BLE001 - a task that has ended would never renew anything
            _log.error("the read models cannot be rebuilt now", error=_in_words(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST)
        else:
            pause = _AGAIN
            await asyncio.sleep(_LOOK if current else _AGAIN)


async def _renew(state: "State", newest: int) -> bool:
    """Say whether all that is read is current."""
    pointers = state.live.pointers
    outdated = {each for each in state.live.outdated if pointers[each] <= newest}
    if not outdated:
        return True
    if await Pointers(state.catalog).making(time.time_ns() // 1000):
        return False  # another server or a command is at it
    _log.warning("other code made the read models: rebuilding them", portals=len(outdated))
    jobs = max(default_jobs(), _PROCESSES)
    done = await rebuild(state.store, state.catalog, _silent, what=Selection(outdated), jobs=jobs)
    _log.info("read models rebuilt", generation=done.generation, events=done.events)
    await state.refresh()
    return True


def _in_words(error: Exception) -> str:
    ours = isinstance(error, EventstoreError | ProjectionsError)
    return str(error) if ours else type(error).__name__  # which could quote what people wrote


def _silent(_done: int, _total: int) -> None:
    """Progress nobody waits for."""
