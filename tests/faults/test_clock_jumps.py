"""The clock of a running server jumps: receipt times jump with it, order and positions do not."""

import time
from pathlib import Path
from typing import Final

import pytest

from tests.faults import tools
from tests.faults.checks import check
from tests.faults.deliveries import key
from tests.faults.door import Door
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("clock jumps")

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
JUMPS: Final = (0, -400 * DAY, 2 * HOUR, -HOUR, -1, 30 * DAY, -400 * DAY, 0)
"""Seconds by which the server's clock is wrong, one after another."""

TOLERANCE: Final = HOUR / 2
"""Seconds that the test itself may take."""


class Clock:
    """The clock of processes that are started with its environment, and of no others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process go by it. Only a clock that can be set: monotonic ones cannot."""
        return {
            "LD_PRELOAD": tools.libfaketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds: int) -> None:
        """Make it wrong by so many seconds, at once."""
        written = self._path.with_suffix(".new")
        written.write_text(f"{seconds:+d}")
        written.rename(self._path)


@pytest.mark.parametrize("each", [brief(2), long(6)])
async def test_order_and_positions_do_not_depend_on_the_clock(
    store: Store, tally: Tally, tmp_path: Path, each: int
) -> None:
    """Between two jumps there are so many deliveries, half of them webhooks."""
    clock = Clock(tmp_path / "clock")
    positions: list[int] = []
    log = tmp_path / "server.log"
    with (
        store.serving(log, **clock.environment) as server,
        Door(store, server.url) as door,
    ):
        for jump, wrong in enumerate(JUMPS):
            clock.set(wrong)
            for number in range(jump * each, (jump + 1) * each, 2):
                positions.append(door.hook(number))
                assert door.deliver([number])
                positions.append(door.acknowledged[key(number)])
            tally.ran(acknowledged=each)
        door.wait_until_all_is_projected()

    assert positions == list(range(1, len(JUMPS) * each + 1))
    for place, at in enumerate(store.received_at()):
        expected = time.time() + JUMPS[place // each]
        assert abs(at / 1_000_000 - expected) < TOLERANCE
    tally.looked(await check(store, door.acknowledged))
