"""The store's lock: one process writes a folder of SQLite files, and says where it listens."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from eventstore.errors import StoreInUse

_MOMENT: Final = 0.01
_LOOKS: Final = 30
"""How often, and after how many seconds each, a lock is asked for before it counts as held."""


@dataclass(frozen=True)
class ServerAddress:
    """Where the server that holds the lock listens, and the key it answers to for this run."""

    url: str
    run_key: str = field(repr=False)


@dataclass(frozen=True)
class StoreLock:
    """A held lock. It ends with the process that holds it, however that ends."""

    file: BinaryIO

    def announce(self, address: ServerAddress) -> None:
        """Tell the other processes of this user where the holder listens."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(json.dumps(asdict(address)).encode())
        self.file.flush()


@contextmanager
def hold(path: Path) -> Iterator[StoreLock]:
    """Hold the lock file for as long as the context lasts.

    Raises StoreInUse when another process holds it.
    """
    # Python opens files close-on-exec, so no child keeps the lock alive.
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        if not _locked(file):
            raise StoreInUse(f"{path.parent} is in use by another process")
        file.truncate()
        try:
            yield StoreLock(file)
        finally:
            file.seek(0)
            file.truncate()


def _locked(file: BinaryIO) -> bool:
    # Who only looks for a server shares the lock for a moment: that is no use.
    for _ in range(_LOOKS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_MOMENT)
        else:
            return True
    return False


def is_held(path: Path) -> bool:
    """Say whether a process holds the lock file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def find_server(path: Path) -> ServerAddress | None:
    """Return the address of the server that holds the lock, or None if no server does."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                announced = file.read()
                return ServerAddress(**json.loads(announced)) if announced else None
    except FileNotFoundError:
        pass
    return None
