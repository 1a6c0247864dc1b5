"""A store of each engine, and the tally of the fault that strikes it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eventstore.migrations import ensure
from eventstore.postgres_store import PostgresStore
from tests.faults.stores import Store, new_store
from tests.faults.tallies import Tally


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that no core is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - not for a file of a known name


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: for states that are written to be read once."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else tmp_path) as path:
        yield Path(path)


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """An empty store of files with one portal."""
    return await new_store(tmp_path / "store")


@pytest.fixture
async def database(postgresql_url: str, tmp_path: Path) -> PostgresStore:
    """An empty store on PostgreSQL."""
    store = PostgresStore(postgresql_url, tmp_path / "secret.key")
    await ensure(store)
    return store


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Where a test counts, under the name of the fault that it is about."""
    mark = request.node.get_closest_marker("fault")
    assert mark is not None
    engine = "postgresql" if request.node.get_closest_marker("postgresql") else "sqlite"
    counted = Tally(mark.args[0], engine)
    yield counted
    counted.write()
