"""The week itself: a portal here, those who poll it there, and kills between the two."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from eventstore.catalog import Catalog
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.folder import Folder
from eventstore.migrations import ensure
from tests.forking import FORKING
from tests.portal.people import READER
from tests.soak.polling import SLUG, poll
from tests.soak.week import BOT, BOT_TOKEN, USER, Week

_SETTLING: Final = 3_600.0
"""Seconds of the portal in which all that waits at the end is had."""

_TELLING: Final = 5.0
"""Seconds of ours between two lines of progress."""

Tell = Callable[[str], None]


class Size(NamedTuple):
    """How much happens, in how much time, and how much of it goes wrong."""

    events: int
    seconds: float
    faults: int


WEEK: Final = Size(1_000_000, 7 * 86_400.0, 50)


def soak(store: Path, size: Size, seed: int, *, tell: Tell) -> tuple[Week, float]:
    """Let a week pass, and all that waits then be had; return it, and how long it took."""
    week = Week(events=size.events, seconds=size.seconds, faults=size.faults, seed=seed)
    asyncio.run(_connect(Folder(store), week))
    progress = _Progress(week, size, tell)
    while True:
        ours, theirs = FORKING.Pipe()
        process = FORKING.Process(target=poll, args=(theirs, store, week.portal.clock.now))
        process.start()
        theirs.close()
        try:
            week.serve(ours, progress.tell, _SETTLING)
        finally:
            process.kill()
            process.join()
            ours.close()
        if week.settled(_SETTLING):
            return week, time.monotonic() - progress.began
        week.after_a_kill()


async def _connect(folder: Folder, week: Week) -> None:
    catalog = await Catalog.open(folder, create=True)
    try:
        await ensure(folder)
        await catalog.add_portal(SLUG, SLUG, now=1)
        portal = (await catalog.snapshot()).portal(SLUG)
        for receiver, token in ((USER, None), (BOT, BOT_TOKEN)):
            hook = week.credentials[receiver]
            credentials = Credentials(Webhook("127.0.0.1", READER, hook.code), token)
            await Connections(catalog).add(portal.id, receiver, credentials, now=1)
    finally:
        await catalog.close()


class _Progress:
    """A line every few seconds: how far the week is, how fast, and what went wrong so far."""

    def __init__(self, week: Week, size: Size, tell: Tell) -> None:
        self.began = time.monotonic()
        self._week = week
        self._size = size
        self._tell = tell
        self._due = self.began + _TELLING

    def tell(self) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _TELLING
        week, written = self._week, self._week.written
        days = (week.portal.clock.now - week.begin) / 86_400
        self._tell(
            f"day {days:.2f} of {self._size.seconds / 86_400:.2f}: {written:,} of"
            f" {self._size.events:,} events, {written / (now - self.began):,.0f}/s,"
            f" {sum(week.happened.faults.values())} of {self._size.faults} faults,"
            f" {week.happened.kills} kills"
        )
