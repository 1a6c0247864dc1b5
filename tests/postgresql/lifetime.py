"""A folder that lasts as long as whoever made it, and with it the server that runs there.

`python lifetime.py FOLDER` is the watcher of such a folder. Its maker holds a lock on a file in it,
which the kernel gives up when the maker ends, however it ends; then the watcher ends the server.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

PATIENCE: Final = 60.0
"""Seconds after which what does not come or go is taken to hang."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ROOM: Final = 2 << 30
"""Bytes that must be free there: a database has eight million, before anything is in it."""

_REMOVE: Final = 0
"""IPC_RMID, on Linux and on macOS."""

_ALIVE: Final = "alive"
_WATCHED: Final = "watched"


@contextmanager
def lifetime() -> Iterator[Path]:
    """Make a folder, in memory if there is room; at the end it and a server in it are gone.

    Its name is short, since the path of a socket has no more than 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="chronicle-", dir=_place()))
    try:
        with (folder / _ALIVE).open("wb") as alive:
            fcntl.lockf(alive, fcntl.LOCK_EX)  # unlike flock's, not shared with what we fork
            yield folder
    finally:
        if (folder / _WATCHED).exists():
            until(lambda: not folder.exists(), f"the watcher of {folder} to end")
        else:
            shutil.rmtree(folder)


def watch(folder: Path) -> subprocess.Popen[bytes]:
    """Start the watcher of a folder, before anything that it has to end."""
    (folder / _WATCHED).touch()
    return subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the tests; the watcher comes after them
    )


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for `what`. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.005)


def ended(process: psutil.Process) -> bool:
    """Whether a process runs no more; its parent may still have to hear of it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _place() -> Path | None:
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return _MEMORY


def _outlive(folder: Path) -> None:
    """Wait until nobody holds the folder; leave neither a process nor a file of the server."""
    with (folder / _ALIVE).open("rb+") as alive:
        fcntl.lockf(alive, fcntl.LOCK_EX)
    _end(folder / "data")
    _free(folder / "data" / "postmaster.pid")
    shutil.rmtree(folder)


def _end(server: Path) -> None:
    """End every process that works in the server's folder: also children without a postmaster."""
    processes = [
        process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(server)
    ]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
            process.send_signal(signal.SIGQUIT)  # whoever gets it leaves no shared memory behind
    try:
        until(lambda: all(map(ended, processes)), "the server to stop")
    except TimeoutError:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _free(pid_file: Path) -> None:
    """Free the System V memory of a postmaster that was killed; one that stopped left no file."""
    with suppress(FileNotFoundError, IndexError):  # it may not have come so far as to write it
        _, identifier = pid_file.read_text().split("\n")[6].split()
        ctypes.CDLL(None).shmctl(int(identifier), _REMOVE, None)


if __name__ == "__main__":
    _outlive(Path(sys.argv[1]))
