"""`chronicle import`: appends a file of events."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
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
from scripts.lines import Line, Source, lines, source
from scripts.progress import Progress
from scripts.reading import Refused, pieces, read
from scripts.store import OpenStore, open_store

app = application()

_BATCH: Final = 2_000
"""Events in one transaction."""

_TICK: Final = 500
"""Lines between two looks at the clock."""

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
    with closing(Workers(1 if file.size < _SMALL else default_jobs())) as workers:
        workers.start()
        with Progress("lines checked") as progress:
            total = refuse_foreign(file, portal, max_body, progress)
        async with (
            delivery(store.place, portal, max_body=max_body) as deliver,
            _Writer(deliver, receiver) as writer,
        ):
            with Progress("lines", total) as progress:
                reading = _Reading(store, portal, receiver, writer, progress)
                await reading.read(lines(file), workers)
    writer.counts.quarantined = reading.bad
    return writer.counts


def refuse_foreign(file: Source, portal: Portal, max_body: int, progress: Progress) -> int:
    """Return the number of lines that are not blank.

    Raises PortalMismatch, with the line's number, when one is another portal's: the log cannot
    be undone.
    """
    total = 0
    own = f'"member_id":"{portal.member_id}"'.encode()
    for total, line in enumerate(lines(file), 1):
        if total % _TICK == 0:
            progress.at(total)
        if line.size > max_body or not _may_name_another(line.body, own):
            continue
        try:
            check_portal(parse_json(line.body), portal.member_id, portal.slug)
        except PortalMismatch:
            raise PortalMismatch(portal=portal.slug, place=f"line {line.number}") from None
        except UnreadableBody:
            continue  # it will not be appended
    return total


def _may_name_another(body: bytes, own: bytes) -> bool:
    # A line that names this portal wherever it names one, and has no escape that could spell
    # the key otherwise, need not be parsed to be passed.
    return body.count(b"member_id") != body.count(own) or b"\\u00" in body


@dataclass
class _Reading:
    """Makes events of lines, in other processes; what cannot be read goes into quarantine."""

    store: OpenStore
    portal: Portal
    receiver: str
    writer: "_Writer"
    progress: Progress
    bad: int = 0

    async def read(self, found: Iterable[Line], workers: Workers) -> None:
        """Read all lines, and write what they say."""
        done = 0
        batch: list[NewEvent] = []
        async for (piece, *_), said in workers.in_order(read, map(self._work, pieces(found))):
            batch += map(NewEvent._make, said.events)
            for refused in said.refused:
                await self._quarantine(refused)
            if len(batch) >= _BATCH:
                await self.writer.write(batch)
                batch = []
            done += len(piece)
            self.progress.at(done)
        await self.writer.write(batch)

    def _work(self, piece: list[Line]) -> tuple[list[Line], Portal, Receiving, int]:
        how = Receiving(
            now(), self.store.fingerprints, self.portal.hmac_key, receiver=self.receiver
        )
        return piece, self.portal, how, self.store.settings.max_body

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
