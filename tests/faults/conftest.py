"""A store of each engine, and the tally of the fault that strikes it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.stores import ENGINES, Store, new_store
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


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine, one after another."""
    return str(request.param)


@pytest.fixture
async def store(engine: str, tmp_path: Path) -> Store:
    """An empty store with one portal."""
    return await new_store(engine, tmp_path / "store")


@pytest.fixture
def tally(request: pytest.FixtureRequest, engine: str) -> Iterator[Tally]:
    """Where a test counts, under the name of the fault that it is about."""
    mark = request.node.get_closest_marker("fault")
    assert mark is not None
    counted = Tally(mark.args[0], engine)
    yield counted
    counted.write()
