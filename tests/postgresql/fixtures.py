"""One folder a session, in memory if there is room, for what tests write, and one server there.

The server is there for all workers of pytest-xdist, and starts when a test asks for it.
"""

import fcntl
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.postgresql import heard
from tests.postgresql.databases import Databases
from tests.postgresql.lifetime import lifetime
from tests.postgresql.server import PostgresServer

_FOLDER: Final = "postgresql_folder"
"""The name by which the process that controls the session tells its workers of the folder."""

_folder: Final = pytest.StashKey[Path]()
_end: Final = pytest.StashKey[ExitStack]()
_server: Final = pytest.StashKey[PostgresServer]()


@pytest.hookimpl(tryfirst=True)  # before pytest looks where `tmp_path` is to be
def pytest_configure(config: pytest.Config) -> None:
    workerinput = getattr(config, "workerinput", None)
    if workerinput is None:
        config.stash[_end] = ExitStack()
        config.stash[_folder] = config.stash[_end].enter_context(lifetime())
        if config.option.basetemp is None:
            # A disk that is asked to sync at every commit makes tests wait, and proves nothing:
            # that syncs come where they must is shown by their system calls.
            config.option.basetemp = config.stash[_folder] / "tmp"
    else:
        config.stash[_folder] = Path(workerinput[_FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist."""
    node.workerinput[_FOLDER] = str(node.config.stash[_folder])


def pytest_unconfigure(config: pytest.Config) -> None:
    if _end in config.stash:
        config.stash[_end].close()


def session_log(config: pytest.Config) -> Path:
    """Return where the session's server logs; there is no file before it has started."""
    return config.stash[_folder] / "log"


@pytest.fixture(scope="session")
def postgresql(pytestconfig: pytest.Config) -> Databases:
    """The databases of the session's server."""
    folder = pytestconfig.stash[_folder]
    with (folder / "starting").open("wb") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        url = folder / "url"
        if not url.exists():
            server = pytestconfig.stash[_server] = PostgresServer(folder, **heard.SETTINGS)
            server.start()
            url.write_text(server.url())
        return Databases(url.read_text())


@pytest.fixture(scope="session")
def postgresql_log(postgresql: Databases, pytestconfig: pytest.Config) -> Path:
    """What the session's server logs, of all of its databases."""
    return session_log(pytestconfig)


@pytest.fixture
async def postgresql_url(postgresql: Databases) -> AsyncIterator[str]:
    """The address of an empty database, for one test."""
    async with postgresql.database() as url:
        yield url
