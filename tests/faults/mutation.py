"""Tries mutants: a copy of the tree with one of them in it, and the test that must fail there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.mutants import Mutant

ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 300
_ATTEMPTS: Final = 3
"""Runs of a test in which it must fail once: some faults strike by chance."""

_FAILED: Final = re.compile(r"\d+ failed")
_FIRST_ERROR: Final = re.compile(r"^E +(.*)$", re.MULTILINE)
_LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "docs", "data")


class Survived(Exception):
    """A mutant that no test noticed, or that cannot be tried."""

    def __init__(self, mutant: Mutant, said: str) -> None:
        super().__init__(f"mutant {mutant.name!r} ({mutant.file}): {said}")


class Ran(NamedTuple):
    """How a test run ended, and what it said."""

    status: int
    said: str


def mutated(mutant: Mutant) -> str:
    """Give the file's text with the mutant in it.

    Raises Survived unless `old` stands there exactly once, and what is left is Python.
    """
    text = (ROOT / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        raise Survived(mutant, f"what it changes stands there {text.count(mutant.old)} times")
    changed = text.replace(mutant.old, mutant.new)
    compile(changed, mutant.file, "exec")
    return changed


def try_mutant(mutant: Mutant) -> str:
    """Run the mutant's test; return what it failed with.

    Raises Survived when it did not fail.
    """
    with tempfile.TemporaryDirectory(prefix="chronicle-mutant-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        (tree / mutant.file).write_text(mutated(mutant))
        done, attempt = _run(mutant, tree, Path(folder) / "tmp-1"), 1
        while done.status == 0 and attempt < _ATTEMPTS:
            attempt += 1
            done = _run(mutant, tree, Path(folder) / f"tmp-{attempt}")
    summary = done.said.rstrip().rpartition("\n")[2]
    if done.status != 1 or not _FAILED.search(summary):
        raise Survived(mutant, f"{mutant.test} did not fail ({done.status}): {summary}")
    found = _FIRST_ERROR.search(done.said)
    return found[1] if found else summary


def _run(mutant: Mutant, tree: Path, temporary: Path) -> Ran:
    options = ["-q", "-m", "", "-p", "no:cacheprovider", f"--basetemp={temporary}"]
    command = [sys.executable, "-m", "pytest", *options, mutant.test]
    with subprocess.Popen(
        command,
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            # With all that the test has started: it cannot end that any more.
            os.killpg(process.pid, signal.SIGKILL)
            raise Survived(mutant, f"{mutant.test} did not end") from None
    return Ran(process.returncode, said)


def try_all(mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, str | Survived]]:
    """Try mutants, one on each core; give what caught each, or that nothing did."""

    def outcome(mutant: Mutant) -> tuple[Mutant, str | Survived]:
        try:
            return mutant, try_mutant(mutant)
        except Survived as survived:
            return mutant, survived

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as cores:
        yield from cores.map(outcome, mutants)
