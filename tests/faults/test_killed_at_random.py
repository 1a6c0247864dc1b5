"""Killed at any moment, again and again: nothing acknowledged is lost, and it goes on."""

import signal
import time
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults import work
from tests.faults.checks import Acknowledged, Found, acknowledged_in, check, check_log
from tests.faults.children import child
from tests.faults.deliveries import key, simulated
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.tallies import Tally

LIVES: Final = 10
"""Kills that one store survives before another one is taken: a check reads all of it."""

EVENTS: Final = 600


@pytest.mark.fault("killed at random while appending")
@pytest.mark.parametrize("stores", [brief(1), long(20)])
async def test_what_was_appended_outlives_every_kill(
    store: Store, tally: Tally, tmp_path: Path, stores: int
) -> None:
    random = Random(stores)  # noqa: S311 - the same again is what we want

    for number in range(stores):
        struck = store.copy(tmp_path / str(number))
        acknowledged: Acknowledged = {}
        for seed in range(LIVES):
            # Some of what was acknowledged comes again: all behind the first that was not.
            begin = next(each for each in count(1) if key(each) not in acknowledged)
            with child(work.append_for_ever, struck, begin, seed) as appending:
                said = [appending.line()]
                appending.kill_after(random.uniform(0, 0.1))
                said += appending.lines()
            assert appending.status == -signal.SIGKILL
            now = acknowledged_in(said)
            assert all(acknowledged.get(each, now[each]) == now[each] for each in now)
            tally.ran(acknowledged=len(now.keys() - acknowledged.keys()))
            acknowledged |= now
            struck.recover()
            tally.looked(await check_log(struck, acknowledged))
        tally.looked(await check(struck, acknowledged))


@pytest.mark.fault("killed at random while projecting")
@pytest.mark.parametrize("kills", [brief(5), long(200)])
async def test_a_projection_goes_on_after_every_kill(
    store: Store, tally: Tally, tmp_path: Path, kills: int
) -> None:
    writer = store.writer()
    writer(simulated(store, EVENTS))
    writer.close()
    random = Random(kills)  # noqa: S311 - the same again is what we want
    usual = project(store.copy(tmp_path / "sound"), patience=60)

    struck, reached = store.copy(tmp_path / "0"), 0
    for kill in range(kills):
        if reached == EVENTS:
            struck, reached = store.copy(tmp_path / str(kill)), 0
        project(struck, patience=random.uniform(0, usual))
        async with struck.projecting():
            pass  # to open it is to recover
        before, reached = reached, await struck.projected()
        assert before <= reached
        tally.ran(acknowledged=0)
        tally.looked(Found(0, 0, 0, await struck.wrong_with_read_models()))
    tally.looked(await check(struck, {}))


def project(store: Store, patience: float) -> float:
    """Project what there is, in a child that is killed if it takes too long; return how long."""
    with child(work.project, store) as projecting:
        assert projecting.line() == "READY"
        projecting.go_on()
        began = time.monotonic()
        projecting.kill_after(patience)
        assert not list(projecting.lines())
    return time.monotonic() - began
