"""What the children do: the real code, driven by as little as can be."""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import count, islice
from random import Random
from time import sleep
from typing import Final

from eventstore.errors import StoreUnavailable
from eventstore.thread_appender import ThreadAppender
from projections.workers import Workers
from tests.faults.children import Voice
from tests.faults.deliveries import pending
from tests.faults.stores import Store


def append(voice: Voice, store: Store, numbers: Sequence[int], reopen_after: int = 0) -> None:
    """Append numbered events one after another: `ACK <key> <position>` or `FAIL <key>` each.

    First it says `WRITER <thread>` and waits: from then on, that thread alone touches the log.
    """
    asyncio.run(_append(voice, store, numbers, reopen_after))


async def _append(voice: Voice, store: Store, numbers: Sequence[int], reopen_after: int) -> None:
    appender = ThreadAppender(store.writer(reopen_after=reopen_after))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "log-writer")
    voice.say(f"WRITER {thread.native_id}")
    voice.wait()
    for batch in (pending(store, [number]) for number in numbers):
        ((_, event),) = batch
        try:
            (outcome,) = await appender.append_all(batch)
        except StoreUnavailable:
            voice.say(f"FAIL {event.key}")
        else:
            voice.say(f"ACK {event.key} {outcome.position}")
    await appender.close()


CALLERS: Final = 6
_MOST: Final = 20
"""Events that one caller appends together."""


def append_for_ever(voice: Voice, store: Store, begin: int, seed: int) -> None:
    """Append events numbered from `begin`, some callers at a time: `ACK <key> <position>` each."""
    asyncio.run(_append_for_ever(voice, store, count(begin), Random(seed)))  # noqa: S311 - no secret


async def _append_for_ever(
    voice: Voice, store: Store, numbers: Iterator[int], random: Random
) -> None:
    appender = ThreadAppender(store.writer())

    async def call() -> None:
        while True:
            batch = pending(store, islice(numbers, random.randint(1, _MOST)))
            outcomes = await appender.append_all(batch)
            for (_, event), outcome in zip(batch, outcomes, strict=True):
                voice.say(f"ACK {event.key} {outcome.position}")

    await asyncio.gather(*(call() for _ in range(CALLERS)))


def project(voice: Voice, store: Store) -> None:
    """Project all that the log has. First it says `READY` and waits."""
    asyncio.run(_project(voice, store))


async def _project(voice: Voice, store: Store) -> None:
    voice.say("READY")
    voice.wait()
    async with store.projecting() as projector:
        await projector.catch_up()


def employ(voice: Voice) -> None:
    """Keep the workers of a build busy for ever: `WORKER <process>` for each."""
    asyncio.run(_employ(voice))


async def _employ(voice: Voice) -> None:
    workers = Workers(2)
    async for _, process in workers.in_order(_worker, [(0.2,), (0.2,), *[(3_600.0,)] * 4]):
        voice.say(f"WORKER {process}")


def _worker(seconds: float) -> int:
    sleep(seconds)
    return os.getpid()
