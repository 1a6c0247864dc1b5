"""A simulated portal as a process of its own, for as long as a demo wants it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from scripts.console import Failure

_ROOT: Final = Path(__file__).parents[1]
_PATIENCE: Final = 10.0


@dataclass(frozen=True)
class SimulatedPortal:
    """Where it is, and what it takes to read the queues of a user and of a bot there."""

    webhook_url: str
    bot: int
    bot_token: str
    ca_bundle: Path


@contextmanager
def simulated_portal(*, pace: float) -> Iterator[SimulatedPortal]:
    """Run one, in which people do so many things a second.

    Raises Failure where there is no source tree: what is installed has no simulated portal.
    """
    if not (_ROOT / "tests" / "portal" / "__main__.py").exists():
        raise Failure("the simulated portal is part of the source tree: run `make demo` there")
    # It ends with its standard input, so that it never outlives this process.
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.portal", "--with-parent", "--pace", str(pace)],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield _told(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _told(process: "subprocess.Popen[bytes]") -> SimulatedPortal:
    line = process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise Failure("the simulated portal did not start: `python -m tests.portal` says why")
    said = from_json(line)
    return SimulatedPortal(
        said["webhook_url"], said["bot"], said["bot_token"], Path(said["ca_bundle"])
    )
