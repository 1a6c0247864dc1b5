"""Checks the catalog against the log and the generations: who is who, and what is read where."""

from collections.abc import AsyncGenerator

from eventstore.catalog import Catalog
from eventstore.errors import EventstoreError
from eventstore.log import heads_of
from eventstore.store import Store
from projections.difference import Difference


async def verify_catalog(catalog: Catalog, store: Store) -> AsyncGenerator[Difference]:
    """Check that every log is a portal's whose key can be opened, and that what is read is there.

    Reads only; a server may run.
    """
    try:
        portals = (await catalog.snapshot()).portals
    except EventstoreError as error:
        yield Difference("", "portal", f"cannot be read: {error}")
        return
    known = {portal.id for portal in portals.values()}
    for called, log in (("a log", store.log), ("an access log", store.access_log)):
        for portal_id in sorted((await heads_of(log)).keys() - known):
            yield Difference("", f"portal {portal_id}", f"is not in the catalog, but has {called}")
    present = await store.generations()
    for slug, portal in sorted(portals.items()):
        # The first one is made when something is projected for the first time.
        if portal.generation not in (1, *present):
            detail = f"generation {portal.generation} is not there: `chronicle rebuild`"
            yield Difference(slug, "pointer", detail)
