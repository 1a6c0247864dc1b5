"""`chronicle status`: how far each portal is, and what is wrong there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from eventstore.database import Place, Pool, Session
from eventstore.log import heads
from eventstore.quarantine import Quarantine
from eventstore.store import Store
from projections.project import checkpoints, undecoded_counts
from scripts.console import (
    Json,
    MaybePortal,
    application,
    example,
    human_size,
    run,
    show_json,
    show_table,
    stdout,
)
from scripts.store import OpenStore, open_store

app = application()


@app.command(epilog=example("chronicle status", "chronicle status --portal acme --json"))
def status(portal: MaybePortal = None, *, json: Json = False) -> None:
    """Print heads, lag, undecoded, quarantined and rejected, and sizes. A server may run."""

    async def read() -> tuple[list[dict[str, Any]], dict[str, int]]:
        async with open_store() as store:
            return await status_of(store, portal), await sizes(store.place)

    rows, bytes_of = asyncio.run(read())
    if json:
        show_json(rows)
        return
    show_table(
        ["portal", "head", "projected", "lag", "undecoded", "quarantined", "rejected"],
        [list(row.values()) for row in rows],
    )
    stdout().print()
    show_table(["tables", "size"], [[name, human_size(size)] for name, size in bytes_of.items()])


async def status_of(store: OpenStore, slug: str | None) -> list[dict[str, Any]]:
    """Return what is to be known of one portal, or of all."""
    portals = store.portals(slug)
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
    return [
        {
            "portal": portal.slug,
            "head": head.get(portal.id, 0),
            "projected": projected.get(portal.id, 0),
            "lag": max(head.get(portal.id, 0) - projected.get(portal.id, 0), 0),
            "undecoded": undecoded.get(portal.id, 0),
            "quarantined": quarantined.get(portal.id, 0),
            "rejected": rejected.get(portal.id, 0),
        }
        for portal in portals
    ]


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
    found = {"log": await store.log.size(), "catalog": await store.catalog.size()}
    for number in await store.generations():
        found[f"read {number}"] = await store.generation(number).size()
    return found


if __name__ == "__main__":
    run(app)
