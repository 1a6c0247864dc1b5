"""A place for read models that nobody else reads, and that ends with who made it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventstore.database import Place
from eventstore.database.sqlite import SqliteFile
from eventstore.store import Store

_PREFIX: Final = "chronicle-scratch-"


@contextmanager
def scratch(store: Store) -> Iterator[Place]:
    """Give an empty SQLite file on this machine, whatever the store's engine; then remove it.

    What processes that were killed have left is removed first.
    """
    room = store.temporary or Path(tempfile.gettempdir())
    for left in room.glob(f"{_PREFIX}*"):
        if not _runs(int(left.name.removeprefix(_PREFIX).partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=room) as folder:
        yield SqliteFile(Path(folder) / "read.db")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
