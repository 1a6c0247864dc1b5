"""`chronicle status`: how far each portal is, and what is wrong there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from eventstore.database import Pool, Session
from eventstore.log import heads
from eventstore.quarantine import Quarantine
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
from scripts.store import Store, open_store

app = application()


@app.command(epilog=example("chronicle status", "chronicle status --portal acme --json"))
def status(portal: MaybePortal = None, *, json: Json = False) -> None:
    """Print heads, lag, undecoded, quarantined and rejected, and sizes. A server may run."""

    async def read() -> tuple[list[dict[str, Any]], dict[str, int]]:
        async with open_store() as store:
            return await status_of(store, portal), _sizes(store.folder.path)

    rows, sizes = asyncio.run(read())
    if json:
        show_json(rows)
        return
    show_table(
        ["portal", "head", "projected", "lag", "undecoded", "quarantined", "rejected"],
        [list(row.values()) for row in rows],
    )
    stdout().print()
    show_table(["file", "size"], [[name, human_size(size)] for name, size in sizes.items()])


async def status_of(store: Store, slug: str | None) -> list[dict[str, Any]]:
    """Return what is to be known of one portal, or of all."""
    portals = store.portals(slug)
    folder = store.folder
    generation = folder.generation(await store.catalog.generation()) if portals else folder.log
    head = await _read(folder.log, heads)
    projected = await _read(generation, checkpoints)
    undecoded = await _read(generation, undecoded_counts)
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


async def _read(path: Path, ask: Callable[[Session], Awaitable[dict[int, int]]]) -> dict[int, int]:
    """Ask a file by portal. Before the first start of a server there is none."""
    if not path.exists():  # noqa: ASYNC240 - nobody waits for this process
        return {}
    pool = Pool(path, 1)
    try:
        async with pool.reading() as session:
            return await ask(session)
    finally:
        await pool.close()


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each database, with what is still to be moved into it."""
    return {
        path.name: sum(part.stat().st_size for part in folder.glob(f"{path.name}*"))
        for path in sorted(folder.glob("*.db"))
    }


if __name__ == "__main__":
    run(app)
