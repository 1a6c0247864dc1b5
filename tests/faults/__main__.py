"""`make faults`: every fault at full length, then every mutant, then docs/reliability.md."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from scripts.bench.report import circumstances
from tests.faults import report
from tests.faults.mutants import MUTANTS
from tests.faults.mutants_export import MUTANTS_EXPORT
from tests.faults.mutants_fetching import MUTANTS_FETCHING
from tests.faults.mutants_postgresql import MUTANTS_POSTGRESQL
from tests.faults.mutants_slow_senders import MUTANTS_SLOW_SENDERS
from tests.faults.mutation import ROOT, Survived, try_all
from tests.faults.tallies import FILE, Tally, read

_MUTANTS: Final = (
    *MUTANTS,
    *MUTANTS_EXPORT,
    *MUTANTS_FETCHING,
    *MUTANTS_POSTGRESQL,
    *MUTANTS_SLOW_SENDERS,
)
_TESTS: Final = (
    "tests/faults",
    "tests/soak",
    "tests/promises/test_fetching.py",
    "tests/promises/test_hostile_bodies.py",
)


def main() -> int:
    """Return 0 if everything held and no mutant survived; only then is the report written."""
    around = circumstances(quick=False)
    tallies = _faults()
    if tallies is None:
        return 1
    outcomes = []
    for mutant, outcome in try_all(_MUTANTS):
        survived = isinstance(outcome, Survived)
        print(outcome if survived else f"caught: {mutant.name}: {outcome}", flush=True)
        outcomes.append((mutant, outcome))
    if any(isinstance(outcome, Survived) for _, outcome in outcomes):
        return 1
    parts = {
        "circumstances": report.circumstances(around),
        "faults": report.fault_table(tallies),
        "mutants": report.mutant_table(mutant for mutant, _ in outcomes),
    }
    report.fill_in(ROOT / "docs" / "reliability.md", parts)
    return 0


def _faults() -> list[Tally] | None:
    with tempfile.TemporaryDirectory(prefix="chronicle-faults-") as folder:
        counted = Path(folder) / "tallies"
        options = ["-m", "not brief", "-n", "auto", "--dist", "loadgroup", "-q", "--durations=10"]
        command = [sys.executable, "-m", "pytest", *options, *_TESTS]
        environment = {**os.environ, FILE: str(counted)}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        return read(counted) if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
