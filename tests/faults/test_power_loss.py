"""Power lost at any moment, whatever the disk had written by then: what was acknowledged stays."""

from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults.appends import append
from tests.faults.checks import acknowledged_in, check_log
from tests.faults.disk import Disk, write
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.strace import CONTENT
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("power loss, torn and reordered writes")

EVENTS: Final = range(1, 17)


@pytest.mark.parametrize("every", [brief(9), long(1)])
async def test_nothing_acknowledged_is_lost_with_the_power(
    store: Store, tally: Tally, memory_path: Path, every: int
) -> None:
    disk, found = Disk(store.folder.path), store.at(memory_path / "found")

    ran = append(store, EVENTS, memory_path / "trace", *CONTENT, reopen_after=5)

    acknowledged: dict[str, int] = {}
    for place, call in enumerate(ran.calls):
        if call.name == "write":
            acknowledged |= acknowledged_in(call.content.decode().split("\n"))
        elif disk.take(call) and place % every == 0:
            for state in disk.states(Random(place)):  # noqa: S311 - no secret is made
                write(state, found.folder.path)
                found.recover()
                tally.looked(await check_log(found, acknowledged))
    tally.ran(acknowledged=len(acknowledged))
    assert len(acknowledged) == len(EVENTS)
