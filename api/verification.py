"""Verifies the store again and again beside the server, in a process that gives way to it."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

import structlog

from eventstore.catalog import Catalog
from eventstore.errors import EventstoreError
from eventstore.store import Store
from projections.difference import Difference, Progress
from projections.errors import ProjectionsError
from projections.verification import verify
from projections.workers import begin

if TYPE_CHECKING:
    from api.state import State

_log = structlog.get_logger()

_FIRST: Final = 60.0
"""Seconds until the first one begins, at most: a server that starts has other things to do."""

_NAMED: Final = 20
"""Differences that are logged one by one; the others are counted."""

_NICE: Final = 19
"""The processor goes to anybody else first."""


@dataclass
class Verified:
    """What a verification found. Seconds are of the process that verified."""

    events: int = 0
    differences: int = 0
    named: list[Difference] = field(default_factory=list)
    seconds: float = 0.0


async def verify_forever(state: "State", every: float) -> None:
    """Verify the store, and begin again so many seconds after the end."""
    await asyncio.sleep(min(_FIRST, every))
    while True:
        await _verify(state)
        await asyncio.sleep(every)


async def _verify(state: "State") -> None:
    found = await verified_elsewhere(state.store, state.settings.verify_share)
    if isinstance(found, str):
        state.metrics.verify_failures.inc()
        _log.error("the store could not be verified", error=found)
        return
    state.metrics.show_verified(
        {
            "events": found.events,
            "differences": found.differences,
            "seconds": found.seconds,
            "finished_timestamp_seconds": time.time(),
        }
    )
    for difference in found.named:
        _log.error("not as it should be", **difference._asdict())
    _log.info(
        "the store was verified",
        events=found.events,
        differences=found.differences,
        seconds=round(found.seconds, 1),
    )


async def verified_elsewhere(store: Store, share: float) -> Verified | str:
    """Verify a store in another process, with a share of one core; or say why that failed."""
    context = multiprocessing.get_context("spawn")
    heard, said = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(said, store, share), daemon=True)
    try:
        process.start()
    except OSError as error:
        return f"its process cannot be started: {error.strerror}"
    finally:
        said.close()
    try:
        found: Verified | str = await asyncio.to_thread(heard.recv)
    except EOFError:
        found = "its process was ended"
    finally:
        process.kill()
        process.join()
    return found


def _work(said: Connection, store: Store, share: float) -> None:
    begin()
    os.nice(_NICE)
    try:
        found: Verified | str = asyncio.run(_verified(store, share))
    except (EventstoreError, ProjectionsError) as error:
        found = str(error)
    except Exception as error:  # noqa: BLE001 - whose text could quote what people wrote
        found = type(error).__name__
    said.send(found)


async def _verified(store: Store, share: float) -> Verified:
    began = time.monotonic()
    found = Verified()

    @contextmanager
    def watch(_counted: str) -> Iterator[Progress]:
        pace = _pace(share)

        def at(done: int, total: int) -> None:
            found.events = max(found.events, total)
            pace(done, total)

        yield at

    catalog = await Catalog.open(store)
    try:
        portals = list((await catalog.snapshot()).portals.values())
        async with aclosing(verify(store, catalog, portals, watch, jobs=1)) as differences:
            async for difference in differences:
                found.differences += 1
                if len(found.named) < _NAMED:
                    found.named.append(difference)
    finally:
        await catalog.close()
    found.seconds = time.monotonic() - began
    return found


def _pace(share: float) -> Progress:
    """Rest after each piece, so that all in all only a share of the time is worked."""
    last = time.monotonic()

    def at(_done: int, _total: int) -> None:
        nonlocal last
        time.sleep((time.monotonic() - last) * (1 / share - 1))  # nobody else is in this process
        last = time.monotonic()

    return at
