"""Killed at every call of an append that touches a file: all is there that was acknowledged."""

import signal
from pathlib import Path
from typing import Final

import pytest

from tests.faults.appends import append, places
from tests.faults.checks import check, check_log
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.strace import CALLS
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("killed at every system call of an append")

EVENTS: Final = range(1, 9)


@pytest.mark.parametrize("every", [brief(23), long(1)])
async def test_nothing_acknowledged_is_lost_wherever_the_writer_is_killed(
    store: Store, tally: Tally, tmp_path: Path, every: int
) -> None:
    trace = tmp_path / "trace"
    sound = append(store.copy(tmp_path / "sound"), EVENTS, trace)

    for name, number in places(sound.calls, CALLS)[::every]:
        killed = store.copy(tmp_path / f"{name}-{number}")
        kill = f"inject={name}:signal=KILL:when={number}"
        before = append(killed, EVENTS, trace, "-e", kill)
        assert before.status == -signal.SIGKILL
        tally.ran(acknowledged=len(before.acknowledged))
        killed.recover()
        tally.looked(await check_log(killed, before.acknowledged))
        again = append(killed, EVENTS, trace)
        tally.looked(await check(killed, before.acknowledged | again.acknowledged))
        assert len(killed.stored()) == len(again.acknowledged) == len(EVENTS)
