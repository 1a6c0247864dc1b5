"""What `eventsourcing` does with the same events: `DOING ADDRESS FUNCTIONS FILE CALLERS`.

DOING is `append`, at the recorder, its fastest door, by some threads; or `project`, by its
projection runner, into a view that only keeps its place. FUNCTIONS is `yes` for its functions in
the database. FILE has a line an event. Prints events a second, and what was lost, doubled or out
of order when all was read back, as JSON.
"""

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, DomainEvent, event
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import Environment

_PAGE = 1_000
_BATCH = 100
_PATIENCE = 600.0


def environment(address: str, functions: str) -> dict[str, str]:
    """Spell where its events are."""
    if not address.startswith("postgresql://"):
        return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": address}
    parts = urlsplit(address)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path[1:],
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "none is asked for",
        "POSTGRES_POOL_SIZE": "32",
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if functions == "yes" else "n",
    }


def append(at: dict[str, str], lines: Sequence[bytes], callers: int) -> dict[str, float]:
    """Append every line durably, one after another by each caller."""
    recorder = InfrastructureFactory.construct(Environment("bench", at)).application_recorder()
    shares = [(uuid4(), lines[caller::callers]) for caller in range(callers)]

    def call(share: tuple[UUID, Sequence[bytes]]) -> None:
        stream, of_it = share
        for number, line in enumerate(of_it, 1):
            recorder.insert_events([StoredEvent(stream, number, "bench", line)])

    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(call, shares))
    rate = len(lines) / (time.perf_counter() - started)
    return {"rate": rate, **compared(recorder, dict(shares))}


def compared(recorder: ApplicationRecorder, sent: dict[Any, Sequence[bytes]]) -> dict[str, int]:
    """Read everything back."""
    kept: dict[Any, list[bytes]] = {stream: [] for stream in sent}
    out_of_order = last = 0
    while page := recorder.select_notifications(last, _PAGE, inclusive_of_start=False):
        for found in page:
            out_of_order += found.id <= last
            last = found.id
            kept[found.originator_id].append(bytes(found.state))
    for stream, lines in sent.items():
        out_of_order += sorted(kept[stream]) == sorted(lines) and kept[stream] != list(lines)
    there = [line for lines in kept.values() for line in lines]
    return {
        "lost": sum(map(len, sent.values())) - len(set(there)),
        "duplicated": len(there) - len(set(there)),
        "out_of_order": out_of_order,
    }


class Line(Aggregate):
    """An event of the file."""

    @event("Read")
    def __init__(self, body: str) -> None:
        self.body = body


class Lines(Application[UUID]):
    """The events of the file."""


class Place(Projection[TrackingRecorder]):
    """A projection that only keeps its place: no other one does less."""

    name = "place"

    def process_event(self, domain_event: DomainEvent, tracking: Tracking) -> None:  # noqa: ARG002
        """Keep the place."""
        self.view.insert_tracking(tracking)


def project(at: dict[str, str], lines: Sequence[bytes]) -> dict[str, float]:
    """Write every line, then let a projection run over all of them."""
    application = Lines(at)
    for begin in range(0, len(lines), _BATCH):
        application.save(*(Line(line.decode()) for line in lines[begin : begin + _BATCH]))
    last = application.recorder.max_notification_id()
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=Lines,
        projection_class=Place,
        view_class=PostgresTrackingRecorder,  # on SQLite it has no subscriptions
        env=at,
    ) as runner:
        runner.wait(last, timeout=_PATIENCE)
        rate = len(lines) / (time.perf_counter() - started)
        reached = runner.projection.view.max_tracking_id("Lines")
    application.close()
    lost = (last or 0) - (reached or 0)
    return {"rate": rate, "lost": lost, "duplicated": 0, "out_of_order": 0}


def main() -> None:
    """Do what is asked for."""
    doing, address, functions, file, callers = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    at = environment(address, functions)
    done = append(at, lines, int(callers)) if doing == "append" else project(at, lines)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
