"""The folder of the embedded store: which file is which, and how a server or a command opens it."""

from dataclasses import dataclass
from pathlib import Path

from eventstore.catalog import Catalog
from eventstore.errors import StoreUnavailable
from eventstore.secret_key import SecretKey


@dataclass(frozen=True)
class Folder:
    """Where the files of one embedded store are."""

    path: Path
    key_file: Path | None = None

    @property
    def log(self) -> Path:
        """The truth: events and heads."""
        return self.path / "log.db"

    @property
    def catalog(self) -> Path:
        """Portals, keys, tokens, quarantine, pointers."""
        return self.path / "catalog.db"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.path / "lock"

    @property
    def secret_key(self) -> Path:
        """The installation's key."""
        return self.key_file or self.path / "secret.key"

    def generation(self, number: int) -> Path:
        """One complete set of read models."""
        return self.path / f"read-{number}.db"

    async def open_catalog(self) -> Catalog:
        """Open the catalog, making folder, key and file on first use.

        Raises WrongSecretKey when the key is missing or another one, and StoreUnavailable when a
        file cannot be opened, or when there is a log but no catalog that says whose it is.
        """
        return await Catalog.open(self.catalog, self._key())

    def _key(self) -> SecretKey:
        if self.catalog.exists():
            return SecretKey.load(self.secret_key)
        if self.log.exists():
            raise StoreUnavailable(
                f"{self.log} is here without {self.catalog.name}, which says whose events they"
                " are: put both back from one backup"
            )
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SecretKey.load_or_create(self.secret_key)
