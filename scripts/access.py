"""`chronicle access`: who looked, a line an entry."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from api.access import shown
from eventstore import log
from eventstore.database import Pool
from eventstore.event import Event
from scripts.console import OnePortal, application, example, run, show_json
from scripts.store import OpenStore, open_store

app = application()

_PAGE: Final = 2_000
"""Entries that are read at once."""


@app.command(epilog=example("chronicle access --portal acme --after 918273 > looked.ndjson"))
def access(
    portal: OnePortal,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this position.")] = 0,
) -> None:
    """Print who looked, oldest first: a JSON object a line. Reads only: a server may run."""

    async def printed() -> None:
        async with open_store() as store:
            async for entry in _entries(store, store.snapshot.portal(portal).id, after):
                show_json(shown(entry))

    asyncio.run(printed())


async def _entries(store: OpenStore, portal_id: int, after: int) -> AsyncIterator[Event]:
    pool = Pool(store.place.access_log, 1)
    try:
        while True:
            async with pool.reading() as session:
                page = await log.page(session, portal_id, after=after, limit=_PAGE)
            if not page:
                return
            for entry in page:
                yield entry
            after = page[-1].position
    finally:
        await pool.close()


if __name__ == "__main__":
    run(app)
