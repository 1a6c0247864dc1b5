"""Commands killed at any moment: what they had not finished is done again, and nothing twice."""

import asyncio
import os
import signal
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from eventstore.errors import StoreUnavailable
from scripts.bench.events import generate
from tests.faults import work
from tests.faults.checks import check, check_log
from tests.faults.children import child
from tests.faults.commands import command, seconds_of
from tests.faults.deliveries import simulated
from tests.faults.lengths import brief, long, mutants
from tests.faults.stores import Rows, Store
from tests.faults.tallies import Tally

EVENTS: Final = 600
LINES: Final = 4_500
"""More than are imported in two transactions."""

BAD: Final = b'{"neither": "a webhook nor an item"}\n'
PATIENCE: Final = 30


@pytest.mark.fault("killed at random while rebuilding")
@pytest.mark.parametrize("kills", [brief(2), mutants(6), long(200)])
async def test_readers_never_see_a_half_built_table(store: Store, tally: Tally, kills: int) -> None:
    writer = store.writer()
    writer(simulated(store, EVENTS))
    writer.close()
    usual = seconds_of(store.environment, "rebuild")
    whole = await store.served()
    random = Random(kills)  # noqa: S311 - the same again is what we want

    for _ in range(kills):
        with command(store.environment, "rebuild") as rebuilding:
            rebuilding.kill_after(random.uniform(0, usual))
            ended = asyncio.create_task(asyncio.to_thread(list, rebuilding.lines()))
            while not ended.done():
                assert await read(store) == whole
        tally.ran(acknowledged=0)
        assert await read(store) == whole
    store.let_generations_age()
    seconds_of(store.environment, "rebuild")

    tally.looked(await check(store, {}))
    assert await store.served() == whole
    # Of all that was left, nothing is: only what is read, and what was read until a moment ago.
    assert len(list(store.folder.path.glob("read-*.db"))) == 2


async def read(store: Store) -> Rows:
    """Read as a server does: whoever finds its generation gone looks once where it is now."""
    try:
        return await store.served()
    except StoreUnavailable:
        return await store.served()


@pytest.mark.fault("killed at random while importing")
@pytest.mark.parametrize("kills", [brief(2), mutants(6), long(200)])
async def test_an_import_that_is_repeated_ends_with_every_line_once(
    store: Store, tally: Tally, tmp_path: Path, kills: int
) -> None:
    lines = list(generate(LINES, seed=2))
    lines[2_222:2_222] = [BAD]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"".join(lines))
    words = ("imports", str(file), "--portal", store.portal.slug)
    struck = store.copy(tmp_path / "struck")
    usual = seconds_of(struck.environment, *words)
    expected = struck.stored()
    random = Random(kills)  # noqa: S311 - the same again is what we want

    for kill in range(kills):
        if struck.stored() == expected:
            struck = store.copy(tmp_path / str(kill))
        with command(struck.environment, *words) as importing:
            importing.kill_after(random.uniform(0, usual))
        tally.ran(acknowledged=0)
        struck.recover()
        assert struck.stored() == expected[: len(struck.stored())]
        tally.looked(await check_log(struck, {}))
    seconds_of(struck.environment, *words)

    tally.looked(await check(struck, {key: position for position, key in expected}))
    assert len(struck.stored()) == LINES
    assert await struck.quarantined() == 1


def test_a_build_that_is_killed_leaves_no_worker_behind() -> None:
    with child(work.employ) as building:
        workers = {int(building.line().removeprefix("WORKER ")) for _ in range(2)}
        assert all(map(lives, workers))
        building.kill()

    deadline = time.monotonic() + PATIENCE
    while any(map(lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    left = [worker for worker in workers if lives(worker)]
    for worker in left:
        os.kill(worker, signal.SIGKILL)
    assert not left


def lives(process: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{process}").exists()
