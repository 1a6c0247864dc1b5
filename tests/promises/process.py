"""A server in a process of its own, as an operator runs it, and as a power cut ends it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventstore.store import Store
from tests.engines import environment

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 30
"""Seconds after which a server that has not started, or not stopped, is a failure."""


class ServerProcess:
    """`chronicle serve` on a store. What it logs goes to a file that the test owns."""

    def __init__(self, store: Store, log: Path, **changes: str) -> None:
        variables = {
            "PATH": os.environ["PATH"],
            **environment(store),
            "CHRONICLE_LOG_LEVEL": "debug",
            **changes,
        }
        begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.serve", "--port", "0"],
                env=variables,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self.url = self._wait_for_address(log, begun)

    def _wait_for_address(self, log: Path, begun: int) -> str:
        """Return the address that this start, not an earlier one, has told."""
        deadline = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            told = re.search(rb"listens at (http://\S+)", log.read_bytes()[begun:])
            if told is not None:
                return told[1].decode()
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
def running(store: Store, log: Path, **changes: str) -> Iterator[ServerProcess]:
    """Run a server for as long as the context lasts."""
    server = ServerProcess(store, log, **changes)
    try:
        yield server
    finally:
        server.stop()
