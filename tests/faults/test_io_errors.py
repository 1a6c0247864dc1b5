"""An I/O error, or a full disk, at every call of an append: a clean refusal, then it goes on."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults.appends import append, places
from tests.faults.checks import acknowledged_in, check, check_log
from tests.faults.disk import Disk, write
from tests.faults.lengths import brief, long
from tests.faults.stores import Store
from tests.faults.strace import CONTENT, Call
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("I/O error or full disk at every call of an append")

EVENTS: Final = range(1, 9)
FALLIBLE: Final = ("openat", "pwrite64", "ftruncate", "unlink", "fdatasync", "fsync")


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("every", [brief(29), long(1)])
async def test_an_error_at_any_call_costs_no_acknowledged_event(
    store: Store, tally: Tally, tmp_path: Path, error: str, every: int
) -> None:
    trace = tmp_path / "trace"
    sound = append(store.copy(tmp_path / "sound"), EVENTS, trace)

    for name, number in places(sound.calls, FALLIBLE)[::every]:
        struck = store.copy(tmp_path / f"{name}-{number}")
        fail = f"inject={name}:error={error}:when={number}"
        ran = append(struck, EVENTS, trace, "-e", fail)
        tally.ran(acknowledged=len(ran.acknowledged))
        assert ran.status == 0
        assert len(ran.acknowledged) + len(ran.refused) == len(EVENTS)
        assert not ran.refused & {key for _, key in struck.stored()}
        tally.looked(await check_log(struck, ran.acknowledged))
        again = append(struck, EVENTS, trace)
        tally.looked(await check(struck, ran.acknowledged | again.acknowledged))
        assert len(struck.stored()) == len(again.acknowledged) == len(EVENTS)


@pytest.mark.parametrize("then", ["", ":signal=KILL"], ids=["goes on", "is killed"])
@pytest.mark.parametrize("every", [brief(13), long(1)])
async def test_nothing_acknowledged_rests_on_a_sync_that_failed(
    store: Store, tally: Tally, memory_path: Path, every: int, then: str
) -> None:
    """Whether the process goes on or another one takes over, a power loss then costs nothing.

    The kernel tells of a failed write once, and forgets it: a second sync proves nothing.
    """
    trace = memory_path / "trace"
    sound = append(store.copy(memory_path / "sound"), EVENTS, trace)
    syncs = [call for call in sound.calls if call.name == "fdatasync"]
    # SQLite does not look at what the sync of a folder says, so that is left out.
    of_files = [number for number, call in enumerate(syncs, 1) if Path(call.path).suffix]

    for number in of_files[::every]:
        struck, found = store.copy(memory_path / str(number)), store.at(memory_path / "found")
        disk = Disk(struck.folder.path)
        acknowledged: dict[str, int] = {}
        for options in (["-e", f"inject=fdatasync:error=EIO:when={number}{then}"], []):
            ran = append(struck, EVENTS, trace, *CONTENT, *options)
            for said in acknowledgements(ran.calls, disk):
                acknowledged |= said
                for state in disk.states(Random(len(acknowledged))):  # noqa: S311 - no secret
                    write(state, found.folder.path)
                    found.recover()
                    tally.looked(await check_log(found, acknowledged))
        tally.ran(acknowledged=len(acknowledged))
        assert len(acknowledged) == len(EVENTS)


def acknowledgements(calls: list[Call], disk: Disk) -> Iterator[dict[str, int]]:
    """Do to a disk what one process did; stop wherever it has acknowledged something."""
    failed: set[int] = set()
    for call in calls:
        disk.take(call)
        if call.name == "fdatasync" and call.failed:
            failed.add(call.descriptor)
        elif call.name == "close":
            failed.discard(call.descriptor)
        elif call.name == "write" and (said := acknowledged_in(call.content.decode().split("\n"))):
            assert not failed
            yield said
