"""Tools of the machine that some faults need. Where one is missing, the test says so."""

import os
import shutil
import subprocess
from functools import cache
from typing import Final, NoReturn

import pytest

_REQUIRED: Final = bool(os.environ.get("CI")) or os.environ.get("CHRONICLE_FAULTS") == "required"
"""Whether a tool that is missing is a failure: in CI, where it could have been installed."""


def cannot_run(reason: str) -> NoReturn:
    """Skip the test and say why; in CI, fail."""
    if _REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def strace() -> str:
    """The program `strace`, which may trace here."""
    found = shutil.which("strace")
    if found is None:
        cannot_run("strace is not installed: `apt-get install strace`")
    if refused := _refused(found):
        cannot_run(f"strace may not trace here: {refused}")
    return found


@cache
def _refused(program: str) -> str:
    tried = subprocess.run([program, "-o", os.devnull, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else tried.stderr.decode().strip()


def libfaketime() -> str:
    """The library that gives a process another clock."""
    if shutil.which("faketime") is None:
        cannot_run("libfaketime is not installed: `apt-get install faketime`")
    command = ["faketime", "-m", "now", "printenv", "LD_PRELOAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
