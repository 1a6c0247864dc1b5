"""Commands of Chronicle that run in a child, and may be killed there."""

import os
import runpy
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.faults.children import Child, Voice, child


@contextmanager
def command(environment: Mapping[str, str], *words: str) -> Iterator[Child]:
    """Run `python -m scripts.<words>` until the context ends."""
    with child(become, environment, *words) as running:
        assert running.line() == "READY"
        running.go_on()
        yield running
        assert not list(running.lines())


def seconds_of(environment: Mapping[str, str], *words: str) -> float:
    """Run a command to its end; return how long that took, from when it was told to begin."""
    with command(environment, *words) as running:
        began = time.monotonic()
    assert running.status == 0
    return time.monotonic() - began


def become(voice: Voice, environment: Mapping[str, str], *words: str) -> None:
    """Become the command, silently. First it says `READY` and waits."""
    voice.say("READY")
    voice.wait()
    os.environ.update(environment)
    module, *arguments = words
    sys.argv = [module, *arguments]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    runpy.run_module(f"scripts.{module}", run_name="__main__")
