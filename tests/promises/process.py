"""A server in a process of its own, as an operator runs it, and as a power cut ends it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventstore.folder import Folder
from eventstore.lock import find_server

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 30
"""Seconds after which a server that has not started, or not stopped, is a failure."""


class ServerProcess:
    """`chronicle serve` on a folder. What it logs goes to a file that the test owns."""

    def __init__(self, folder: Folder, log: Path, **changes: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "CHRONICLE_DATABASE": f"sqlite:///{folder.path}",
            "CHRONICLE_LOG_LEVEL": "debug",
            **changes,
        }
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.serve", "--port", "0"],
                env=environment,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.url = self._wait_for_address(folder, log)

    def _wait_for_address(self, folder: Folder, log: Path) -> str:
        deadline = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            address = find_server(folder.lock)
            if address is not None:
                return address.url
            time.sleep(0.01)
        self.kill()
        raise AssertionError(f"no server started:\n{log.read_text()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut does, with no chance to do anything."""
        self._process.kill()
        self._process.wait(_PATIENCE)

    def stop(self) -> int:
        """End it as an operator does; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def running(folder: Folder, log: Path, **changes: str) -> Iterator[ServerProcess]:
    """Run a server for as long as the context lasts."""
    server = ServerProcess(folder, log, **changes)
    try:
        yield server
    finally:
        server.stop()
