"""The store that the settings name, as the commands open it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.settings import Settings
from eventstore.catalog import Catalog
from eventstore.directory import Portal, Snapshot
from eventstore.folder import Folder
from eventstore.redaction import Fingerprints
from scripts.console import Failure


@dataclass(frozen=True)
class Store:
    """An open store: where it is, who is in it."""

    settings: Settings
    folder: Folder
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


def folder_of(settings: Settings) -> Folder:
    """Return the folder that the settings name."""
    return Folder(settings.data, settings.secret_key_file)


@asynccontextmanager
async def open_store(
    settings: Settings | None = None, *, create: bool = False
) -> AsyncIterator[Store]:
    """Open the store that the settings name: by default, those of the environment.

    Raises Failure when there is none and it may not be made, and what opening a catalog raises.
    """
    settings = settings or Settings()
    folder = folder_of(settings)
    if not create and not folder.catalog.exists():
        raise Failure(f"no store in {folder.path} yet: `chronicle portal add` makes one")
    catalog = await folder.open_catalog()
    try:
        yield Store(settings, folder, catalog, await catalog.snapshot())
    finally:
        await catalog.close()
