"""`chronicle import`: appends a file of events."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Final, Self, cast

import typer
import uvloop

from api.times import now
from eventstore.body import parse_json
from eventstore.directory import Portal
from eventstore.envelope import Receiving, check_portal, valid_receiver
from eventstore.errors import PortalMismatch, UnreadableBody
from eventstore.event import NewEvent
from eventstore.log import Outcome
from eventstore.quarantine import Quarantine, Unreadable
from projections.workers import Workers, default_jobs
from scripts.console import Json, OnePortal, application, example, run, show_json, show_table
from scripts.delivery import Deliver, delivery
from scripts.lines import Block, lines_of
from scripts.progress import Progress
from scripts.reading import Own, Refused, may_name_another, read
from scripts.source import Source, blocks, source
from scripts.store import OpenStore, open_store

app = application()

_BATCH: Final = 2_000
"""Events in one transaction."""

_SMALL: Final = 10 * 2**20
"""Bytes that one process has read before another is ready to help."""


@dataclass
class Counts:
    """What became of the events of an import."""

    appended: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count what was delivered."""
        count = Counter(outcome.outcome for outcome in outcomes)
        self.appended += count["appended"]
        self.duplicates += count["duplicate"]
        self.conflicts += count["conflict"]


@app.command(
    "import",
    epilog=example(
        "chronicle import events.ndjson.gz --portal acme --receiver user:27",
        "fetch-events | chronicle import - --portal acme",
    ),
)
def import_events(
    file: Annotated[str, typer.Argument(metavar="FILE", help="NDJSON, also gzip; - is stdin.")],
    portal: OnePortal,
    receiver: Annotated[
        str, typer.Option(help="Whose queue it was, where an event does not say: user:27.")
    ] = "app",
    *,
    json: Json = False,
) -> None:
    """Append webhook envelopes, fetch items or whole Event.get responses, one a line.

    A line that cannot be read is reported and kept in quarantine, and the rest goes on. If any
    line is another portal's, nothing is appended at all. Repeating an import changes nothing.
    """
    if not valid_receiver(receiver):
        raise typer.BadParameter("use user:27, bot:931 or app", param_hint="--receiver")

    async def imported() -> Counts:
        async with open_store() as store:
            stdin = cast(BinaryIO, sys.stdin.buffer)
            with source(file, stdin, store.place.temporary) as found:
                return await import_lines(store, store.snapshot.portal(portal), found, receiver)

    counts = vars(uvloop.run(imported()))
    if json:
        show_json(counts)
    else:
        show_table(list(counts), [list(counts.values())])


async def import_lines(store: OpenStore, portal: Portal, file: Source, receiver: str) -> Counts:
    """Append the events of all lines.

    Raises PortalMismatch before anything is written when one of them is another portal's.
    """
    max_body = store.settings.max_body
    own = _own(portal)
    with closing(Workers(1 if file.size < _SMALL else default_jobs())) as workers:
        workers.start()
        with Progress("lines checked") as progress:
            total = refuse_foreign(file, own, max_body, progress)
        async with (
            delivery(store.place, portal, max_body=max_body) as deliver,
            _Writer(deliver, receiver) as writer,
        ):
            with Progress("lines", total) as progress:
                reading = _Reading(store, portal, receiver, writer, progress)
                await reading.read(file, workers)
    writer.counts.quarantined = reading.bad
    return writer.counts


def _own(portal: Portal) -> Own:
    return Own(portal.member_id, portal.slug)


def refuse_foreign(file: Source, own: Own, max_body: int, progress: Progress) -> int:
    """Return the number of lines.

    Raises PortalMismatch, with the line's number, when one is another portal's: the log cannot
    be undone.
    """
    total = 0
    for block in blocks(file):
        if may_name_another(block.body, own):
            _refuse_foreign(block, own, max_body)
        total += block.lines
        progress.at(total)
    return total


def _refuse_foreign(block: Block, own: Own, max_body: int) -> None:
    for line in lines_of(block):
        if line.size > max_body or not may_name_another(line.body, own):
            continue
        try:
            check_portal(parse_json(line.body), own.member_id, own.slug)
        except PortalMismatch:
            raise PortalMismatch(portal=own.slug, place=f"line {line.number}") from None
        except UnreadableBody:
            continue  # it will not be appended


@dataclass
class _Reading:
    """Makes events of lines, in other processes; what cannot be read goes into quarantine."""

    store: OpenStore
    portal: Portal
    receiver: str
    writer: "_Writer"
    progress: Progress
    bad: int = 0

    async def read(self, file: Source, workers: Workers) -> None:
        """Read all lines, and write what they say."""
        done = 0
        batch: list[NewEvent] = []
        async for (block, *_), said in workers.in_order(read, map(self._work, blocks(file))):
            batch += map(NewEvent._make, said.events)
            for refused in said.refused:
                await self._quarantine(refused)
            if len(batch) >= _BATCH:
                await self.writer.write(batch)
                batch = []
            done += block.lines
            self.progress.at(done)
        await self.writer.write(batch)

    def _work(self, block: Block) -> tuple[Block, Own, Receiving, int]:
        how = Receiving(
            now(), self.store.fingerprints, self.portal.hmac_key, receiver=self.receiver
        )
        return block, _own(self.portal), how, self.store.settings.max_body

    async def _quarantine(self, refused: Refused) -> None:
        self.bad += 1
        number = None
        line = refused.line
        if line.body:
            found = Unreadable(now(), "import", self.receiver, refused.reason)
            quarantine = Quarantine(self.store.catalog)
            number = await quarantine.keep(self.portal.id, line.body, found)
        kept = "not kept" if number is None else f"quarantine {number}"
        self.progress.say(f"line {line.number}: {refused.reason} ({kept})")


class _Writer:
    """Writes one batch while the next one is read."""

    def __init__(self, deliver: Deliver, receiver: str) -> None:
        self.counts = Counts()
        self._deliver = deliver
        self._receiver = receiver
        self._writing: asyncio.Task[list[Outcome]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.settle()

    async def write(self, events: Sequence[NewEvent]) -> None:
        """Begin to write a batch, when the one before is written."""
        await self.settle()
        if events:
            self._writing = asyncio.create_task(self._deliver(events, self._receiver))
            await asyncio.sleep(0)  # let it begin before the next lines are read

    async def settle(self) -> None:
        """Wait until all that was handed over is written. Raises what writing it raised."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            self.counts.add(await writing)


if __name__ == "__main__":
    run(app)
