"""A disk that is really full: events are refused, and taken again as soon as there is room."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.checks import check
from tests.faults.door import Door
from tests.faults.stores import new_store
from tests.faults.tallies import Tally

pytestmark = pytest.mark.fault("disk really full")

LITTLE: Final = 600 * 1024
PLENTY: Final = 64 * 1024 * 1024
MOST: Final = 2_000
"""More events than there is room for."""

REFUSALS: Final = 30

LeaveRoom = Callable[[int, int], None]
"""Leave a process room for so many bytes."""


@contextmanager
def tmpfs(path: Path) -> Iterator[LeaveRoom]:
    """A filesystem of its own, full for all files at once, as a disk is."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a filesystem: a limit to the size of files stands in")

    def mount(size: int, *options: str) -> None:
        spelled = ",".join([f"size={size}", *options])
        subprocess.run(["mount", "-t", "tmpfs", "-o", spelled, "chronicle", path], check=True)

    def leave_room(_process: int, room: int) -> None:
        disk = os.statvfs(path)
        mount((disk.f_blocks - disk.f_bfree) * disk.f_frsize + room, "remount")

    path.mkdir()
    mount(PLENTY)
    try:
        yield leave_room
    finally:
        subprocess.run(["umount", path], check=True)


@contextmanager
def limited(path: Path) -> Iterator[LeaveRoom]:
    """A limit to the size of each file that the process writes."""

    def leave_room(process: int, room: int) -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    path.mkdir()
    yield leave_room


@pytest.mark.parametrize("disk", [tmpfs, limited])
async def test_a_server_refuses_and_then_goes_on_without_a_restart(
    tally: Tally,
    tmp_path: Path,
    disk: Callable[[Path], AbstractContextManager[LeaveRoom]],
) -> None:
    with disk(tmp_path / "disk") as leave_room:
        store = await new_store(tmp_path / "disk" / "store")
        with store.serving(tmp_path / "server.log") as server, Door(store, server.url) as door:
            leave_room(server.pid, LITTLE)
            numbers = iter(range(1, MOST))
            while len(door.refused) < REFUSALS:
                door.deliver([next(numbers)])
            leave_room(server.pid, PLENTY)
            assert door.deliver([next(numbers)])
            assert door.deliver(sorted(door.refused))
            door.wait_until_all_is_projected()
        assert b"Traceback" not in (tmp_path / "server.log").read_bytes()
        tally.ran(acknowledged=len(door.acknowledged))
        tally.looked(await check(store, door.acknowledged))
        assert len(store.stored()) == len(door.acknowledged) == next(numbers) - 1
