"""The store that the settings name, as the commands open it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.settings import Settings
from eventstore.catalog import Catalog
from eventstore.directory import Portal, Snapshot
from eventstore.errors import StoreMissing
from eventstore.redaction import Fingerprints
from eventstore.store import Store
from scripts.console import Failure


@dataclass(frozen=True)
class OpenStore:
    """An open store: where it is, who is in it."""

    settings: Settings
    place: Store
    catalog: Catalog
    snapshot: Snapshot

    def portals(self, slug: str | None) -> list[Portal]:
        """Return the portal of this slug, or all of them.

        Raises UnknownPortal.
        """
        if slug is not None:
            return [self.snapshot.portal(slug)]
        return list(self.snapshot.portals.values())

    @property
    def fingerprints(self) -> Fingerprints:
        """What makes the markers of redacted secrets: the same as the server's."""
        return self.catalog.fingerprints


@asynccontextmanager
async def open_store(
    settings: Settings | None = None, *, create: bool = False
) -> AsyncIterator[OpenStore]:
    """Open the store that the settings name: by default, those of the environment.

    Raises Failure when there is none and it may not be made, and what opening a catalog raises.
    """
    settings = settings or Settings()
    store = settings.store
    try:
        catalog = await Catalog.open(store, create=create)
    except StoreMissing:
        raise Failure(f"no store in {store.name} yet: `chronicle portal add` makes one") from None
    try:
        yield OpenStore(settings, store, catalog, await catalog.snapshot())
    finally:
        await catalog.close()
