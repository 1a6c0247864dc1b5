"""Promise 2: a process killed with events in its spool has lost none, and doubles none."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from eventstore.database import Pool
from eventstore.folder import Folder
from eventstore.log import Outcome, Pending
from eventstore.sqlite_log import SqliteLog
from tests.eventstore.spooling import drain, keys_in, opened
from tests.eventstore.test_log import everything

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sqlite_log(folder: Folder) -> Iterator[SqliteLog]:
    """The log that the spool is drained into: any will do."""
    log = SqliteLog(folder.log.path)
    log.open()
    yield log
    log.close()


@pytest.fixture
async def reading(folder: Folder) -> AsyncIterator[Pool]:
    pool = Pool(folder.log, 1)
    yield pool
    await pool.close()


@pytest.mark.parametrize("moment", ["put", "landed", "removed"])
async def test_killed_between_two_commits(
    tmp_path: Path, moment: str, sqlite_log: SqliteLog, reading: Pool
) -> None:
    folder = tmp_path / "spool"

    acknowledged = _killed(folder, sqlite_log.path, 1, moment)

    assert acknowledged
    if moment == "landed":
        landed = {event.key for event in await everything(reading)}
        assert landed.intersection(keys_in(folder))  # it was killed where it was to be
    await _assert_all_is_there(folder, sqlite_log, reading, acknowledged)


async def test_killed_at_random(tmp_path: Path, sqlite_log: SqliteLog, reading: Pool) -> None:
    folder = tmp_path / "spool"
    acknowledged: list[int] = []

    for seed in range(4):
        more = Random(seed).randrange(3, 40)  # noqa: S311 - no secret is made
        first = 1_000 * seed + 1
        acknowledged += _killed(folder, sqlite_log.path, first, "never", after=more)

    assert len(acknowledged) > 12
    await _assert_all_is_there(folder, sqlite_log, reading, acknowledged)


def _killed(folder: Path, log: Path, first: int, dies: str, after: int = 10_000) -> list[int]:
    """Run the child until it dies, or has acknowledged so many; return what it acknowledged."""
    arguments = [str(folder), str(log), str(first), dies]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.eventstore.spool_child", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        acknowledged: list[int] = []
        for line in child.stdout:
            acknowledged.append(int(line.removeprefix("ACK ")))
            if len(acknowledged) == after:
                child.kill()
        child.wait(30)
    assert child.returncode == -9
    return acknowledged


async def _assert_all_is_there(
    folder: Path, log: SqliteLog, reading: Pool, acknowledged: list[int]
) -> None:
    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        return log.append(batch)

    async with opened(folder) as spool:
        await drain(spool, append)
        assert spool.depth().events == 0

    numbers = [int(event.key.removeprefix("webhook:")) for event in await everything(reading)]
    assert numbers == sorted(set(numbers))
    assert set(acknowledged) <= set(numbers)
