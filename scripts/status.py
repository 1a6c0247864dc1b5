"""`chronicle status`: how far each portal is, and what is wrong there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from api.settings import Settings
from api.spooling import depth_shown
from api.times import now
from eventstore.database import Place, Pool, Session
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.fetching.connections import Connections
from eventstore.fetching.queues import Queues
from eventstore.log import heads
from eventstore.migrations import parts
from eventstore.quarantine import Quarantine
from eventstore.spool import spool_path
from eventstore.spool_depth import Depth, in_all, look_into
from eventstore.store import Store
from projections.project import checkpoints, undecoded_counts
from scripts.console import (
    Failure,
    Json,
    MaybePortal,
    application,
    example,
    human_size,
    run,
    say,
    show_json,
    show_table,
    stdout,
)
from scripts.store import OpenStore, open_store

app = application()

_COLUMNS: Final = ("portal", "head", "projected", "lag", "undecoded", "quarantined", "rejected")


@app.command(epilog=example("chronicle status", "chronicle status --portal acme --json"))
def status(portal: MaybePortal = None, *, json: Json = False) -> None:
    """Print heads, lag, undecoded, quarantined, rejected, queues and sizes. A server may run."""
    settings = Settings()
    waiting = look_into(spool_path(settings.spool)) if settings.store.remote else {}

    async def read() -> tuple[list[dict[str, Any]], dict[str, int]]:
        async with open_store(settings) as store:
            return await status_of(store, portal, waiting), await sizes(store.place)

    try:
        rows, bytes_of = asyncio.run(read())
    except StoreUnavailable as error:
        raise Failure(f"{error}; {_words(waiting)}" if waiting else str(error)) from None
    if json:
        show_json(rows)
        return
    if waiting:
        say(f"{settings.spool}: {_words(waiting)}")
    show_table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows])
    queues = [[row["portal"], *queue.values()] for row in rows for queue in row["queues"]]
    if queues:
        stdout().print()
        shown = [[*said, None if left is None else round(left)] for *said, left in queues]
        show_table(["portal", "queue", "state", "error", "seconds left"], shown)
    stdout().print()
    show_table(["tables", "size"], [[name, human_size(size)] for name, size in bytes_of.items()])


def _words(waiting: Mapping[int, Depth]) -> str:
    """Say what waits in the spool of this machine's server."""
    shown = depth_shown(in_all(waiting.values()))
    return (
        f"{shown['events']:,} events ({human_size(shown['bytes'])}) wait in the spool, the oldest"
        f" for {shown['oldest_seconds']:,} s; {shown['refused']:,} were refused"
    )


async def status_of(
    store: OpenStore, slug: str | None, waiting: Mapping[int, Depth]
) -> list[dict[str, Any]]:
    """Return what is to be known of one portal, or of all; where there is a spool, of that too."""
    portals = store.portals(slug)
    remote = store.place.remote
    head = await _read(store.place.log, heads)
    projected: dict[int, int] = {}
    undecoded: dict[int, int] = {}
    for number in {portal.generation for portal in portals}:
        of_it = [portal.id for portal in portals if portal.generation == number]
        generation = store.place.generation(number)
        projected |= _only(of_it, await _read(generation, checkpoints))
        undecoded |= _only(of_it, await _read(generation, undecoded_counts))
    quarantined = await Quarantine(store.catalog).counts()
    rejected = await store.catalog.rejections()
    queues = await _queues(store, portals)
    return [
        {
            "portal": portal.slug,
            "head": head.get(portal.id, 0),
            "projected": projected.get(portal.id, 0),
            "lag": max(head.get(portal.id, 0) - projected.get(portal.id, 0), 0),
            "undecoded": undecoded.get(portal.id, 0),
            "quarantined": quarantined.get(portal.id, 0),
            "rejected": rejected.get(portal.id, 0),
            "queues": queues[portal.id],
            **({"spool": depth_shown(waiting.get(portal.id, Depth()))} if remote else {}),
        }
        for portal in portals
    ]


async def _queues(store: OpenStore, portals: Sequence[Portal]) -> dict[int, list[dict[str, Any]]]:
    """Say of each queue how it is, and for how long its portal keeps what was not fetched."""
    rows, moment = await Queues(store.catalog).all(), now()
    return {
        portal.id: [
            {
                "receiver": connection.receiver,
                "state": row.state,
                "error": row.error,
                "seconds_left": row.seconds_left(moment),
            }
            for connection in await Connections(store.catalog).of(portal.id)
            if (row := rows.get((portal.id, connection.number))) is not None
        ]
        for portal in portals
    }


def _only(portals: Sequence[int], found: Mapping[int, int]) -> dict[int, int]:
    return {portal_id: found.get(portal_id, 0) for portal_id in portals}


async def _read(
    place: Place, ask: Callable[[Session], Awaitable[dict[int, int]]]
) -> dict[int, int]:
    """Ask a place by portal. Before the first start of a server there is none."""
    if not await place.exists():
        return {}
    pool = Pool(place, 1)
    try:
        async with pool.reading() as session:
            return await ask(session)
    finally:
        await pool.close()


async def sizes(store: Store) -> dict[str, int]:
    """Return the bytes of each set of tables, with what is still to be moved into it."""
    found = {part.name: await part.place.size() for part in parts(store)}
    for number in await store.generations():
        found[f"read {number}"] = await store.generation(number).size()
    return found


if __name__ == "__main__":
    run(app)
