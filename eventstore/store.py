"""A store, on either engine: where its log, its catalog and its generations are."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.appender import Appender
from eventstore.database import Place
from eventstore.folder import Folder
from eventstore.lock import ServerAddress
from eventstore.postgres_store import PostgresStore, check_address
from eventstore.wakeups import Wakeups

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = ("postgresql://", "postgres://")


class Holding(Protocol):
    """The right to write to a store, for as long as it is held."""

    def announce(self, address: ServerAddress) -> None:
        """Tell the commands on this store where a server listens."""


class Store(Protocol):
    """Where everything is that one installation keeps, and how it is opened."""

    @property
    def name(self) -> str:
        """What people call it: never with a password."""

    @property
    def remote(self) -> bool:
        """Whether it can be away while this process is there: then a spool stands before it."""

    @property
    def secret_key(self) -> Path:
        """The file of the installation's key."""

    @property
    def temporary(self) -> Path | None:
        """Where large files go that end with their process; None is where the system has them."""

    @property
    def log(self) -> Place:
        """The truth: events and heads."""

    @property
    def access_log(self) -> Place:
        """Who looked: another log of each portal, with the same tables."""

    @property
    def catalog(self) -> Place:
        """Portals, keys, tokens, quarantine, pointers."""

    def generation(self, number: int) -> Place:
        """One complete set of read models."""

    async def generations(self) -> list[int]:
        """Return the numbers of the generations that are there, finished or not."""

    def catalog_engine(self, *, patience: float) -> AsyncEngine:
        """Return what talks to the catalog, waiting so many seconds for who has it locked."""

    async def check_settings(self) -> None:
        """Raise UnsafeDatabase when the database is set to lose what it has acknowledged."""

    async def open_appender(self) -> Appender:
        """Open the one door to the log. Raises StoreUnavailable when it cannot be written."""

    async def open_access_appender(self) -> Appender:
        """Open the one door to the access log. An append that finds it shut raises."""

    def open_wakeups(self, heard: Callable[[], None]) -> Wakeups:
        """Tell and hear of appends between processes; `heard` is called at each hint."""

    def hold(self) -> AbstractContextManager[Holding]:
        """Hold the right to write. Raises StoreInUse where only one process has it at a time."""

    def rebuilding(self) -> AbstractContextManager[bool]:
        """Rebuild; whether nobody else can be rebuilding meanwhile is what the context gives.

        Raises StoreInUse where only one process may.
        """

    def find_server(self) -> ServerAddress | None:
        """Return the server by which commands must write, if there is one."""

    def prepare(self) -> None:
        """Make what the store needs before it is first opened."""

    def grants(self, role: str) -> list[str]:
        """Return the SQL that gives a role what servers and commands need; none for files.

        Raises InvalidRegistration for what cannot be the name of a role.
        """

    async def versions(self) -> tuple[str, str | None]:
        """Return the engine with its version, and what an operator should know of it."""


def store_at(address: str, key_file: Path | None = None) -> Store:
    """Return the store at an address: `sqlite:///FOLDER` or `postgresql://…`.

    Opens nothing. Raises ValueError, without the address, for one of another kind.
    """
    if address.startswith(SQLITE) and address != SQLITE:
        return Folder(Path(address.removeprefix(SQLITE)), key_file)
    if address.startswith(POSTGRESQL):
        check_address(address)
        return PostgresStore(address, key_file)
    raise ValueError("must be sqlite:///PATH, a folder, or postgresql://USER@HOST/DATABASE")
