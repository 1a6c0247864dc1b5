"""Tries mutants: a copy of the tree with one of them in it, and the test that must fail there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple, Self

from tests.faults.mutants import Mutant
from tests.postgresql.lifetime import lifetime

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


class Tree:
    """A copy of what is here, in which one file at a time is a mutant's.

    All is compiled there once: for most of the tests that takes longer than they do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def compiled(cls, path: Path, mutants: Iterable[Mutant]) -> Self:
        """Copy what is here, and compile what the tests of these mutants import."""
        shutil.copytree(ROOT, path, ignore=_LEFT_OUT)
        _run(
            path, "--collect-only", *{mutant.test for mutant in mutants}, PYTHONDONTWRITEBYTECODE=""
        )
        return cls(path)

    def copy(self, path: Path) -> "Tree":
        """Copy it, with what was compiled."""
        shutil.copytree(self._path, path)
        return Tree(path)

    def try_mutant(self, mutant: Mutant) -> str:
        """Run the mutant's test; return what it failed with.

        Raises Survived when it did not fail.
        """
        with self._changed(mutant):
            done, attempt = self._test(mutant), 1
            while done.status == 0 and attempt < _ATTEMPTS:
                done, attempt = self._test(mutant), attempt + 1
        summary = done.said.rstrip().rpartition("\n")[2]
        if done.status != 1 or not _FAILED.search(summary):
            raise Survived(mutant, f"{mutant.test} did not fail ({done.status}): {summary}")
        found = _FIRST_ERROR.search(done.said)
        return found[1] if found else summary

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        file = self._path / mutant.file
        file.write_text(mutated(mutant))
        try:
            yield
        finally:  # by its time, too: Python knows by that what it has compiled
            shutil.copy2(ROOT / mutant.file, file)

    def _test(self, mutant: Mutant) -> Ran:
        with tempfile.TemporaryDirectory(dir=self._path.parent) as folder:
            try:
                return _run(self._path, f"--basetemp={folder}/files", mutant.test)
            except subprocess.TimeoutExpired:
                raise Survived(mutant, f"{mutant.test} did not end") from None


def _run(tree: Path, *words: str, **environment: str) -> Ran:
    """Run pytest in a tree. Raises subprocess.TimeoutExpired, and all that it started is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider", *words],
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
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
            raise
    return Ran(process.returncode, said)


def try_all(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str | Survived]]:
    """Try mutants, one on each core; give what caught each, or that nothing did."""
    trees: SimpleQueue[Tree] = SimpleQueue()

    def outcome(mutant: Mutant) -> tuple[Mutant, str | Survived]:
        tree = trees.get()
        try:
            return mutant, tree.try_mutant(mutant)
        except Survived as survived:
            return mutant, survived
        finally:
            trees.put(tree)

    with lifetime() as folder:
        first = Tree.compiled(folder / "tree", mutants)
        cores = len(os.sched_getaffinity(0))
        for core in range(cores):
            trees.put(first.copy(folder / f"tree-{core}"))
        with ThreadPoolExecutor(cores) as working:
            yield from working.map(outcome, mutants)
