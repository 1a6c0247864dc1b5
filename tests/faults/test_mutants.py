"""Mutants can be tried, every fault has one, and one that survives is told of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.mutants_export import MUTANTS_EXPORT
from tests.faults.mutants_fetching import MUTANTS_FETCHING
from tests.faults.mutants_postgresql import MUTANTS_POSTGRESQL
from tests.faults.mutants_slow_senders import MUTANTS_SLOW_SENDERS
from tests.faults.mutation import ROOT, Survived, mutated, try_all

ALL = (
    *MUTANTS,
    *MUTANTS_EXPORT,
    *MUTANTS_FETCHING,
    *MUTANTS_POSTGRESQL,
    *MUTANTS_SLOW_SENDERS,
)

HARMLESS = Mutant(
    "say the same in other words",
    "eventstore/event.py",
    '"""An event: what a portal sent',
    '"""An event, or what a portal sent',
    "tests/eventstore/test_body.py",
)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_is_there(mutant: Mutant) -> None:
    assert mutated(mutant) != (ROOT / mutant.file).read_text()


def test_every_mutant_names_a_test_that_is_there() -> None:
    named = {mutant.test for mutant in ALL}

    options = ["-m", "", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *named]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert named <= set(collected.stdout.splitlines()), collected.stderr


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_a_promise_and_not_the_language(mutant: Mutant) -> None:
    """A name that is not there would be noticed by any test, whatever it looks at."""
    ruff = [sys.executable, "-m", "ruff", "check", "--quiet", "--isolated", "--select", "F821,E9"]

    checked = subprocess.run(
        [*ruff, "-"], input=mutated(mutant), capture_output=True, text=True, check=False
    )

    assert checked.stdout == ""


def test_every_fault_has_a_mutant() -> None:
    caught = {mutant.test.partition("::")[0] for mutant in ALL}
    faults = {
        path.relative_to(ROOT).as_posix()
        for path in Path(__file__).parent.glob("test_*.py")
        if re.search(r"mark\.fault\(", path.read_text())
    }

    assert faults <= caught


@pytest.mark.long
def test_a_mutant_that_survives_is_told_of() -> None:
    ((_, outcome),) = try_all([HARMLESS])

    assert isinstance(outcome, Survived)
    assert "did not fail" in str(outcome)


@pytest.mark.parametrize("old", ["what nobody wrote", "the"])
def test_a_mutant_that_fits_nowhere_or_in_many_places_is_told_of(old: str) -> None:
    with pytest.raises(Survived, match="stands there"):
        mutated(HARMLESS._replace(old=old))
