"""How counts travel from the tests to the report: as lines of JSON, in a file that is named."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults.checks import Found

FILE: Final = "CHRONICLE_FAULTS_TALLY"
"""The environment's name of the file; without it, nothing is written."""


@dataclass
class Tally:
    """What happened under one fault, on one engine.

    `runs` counts the faults that were made to happen; `states`, those that were looked at
    afterwards.
    """

    fault: str
    engine: str
    runs: int = 0
    states: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0

    def ran(self, *, acknowledged: int) -> None:
        """Count one fault, and the events that were acknowledged around it."""
        self.runs += 1
        self.acknowledged += acknowledged

    def looked(self, found: Found) -> None:
        """Count what a check found, and fail if anything is wrong."""
        self.states += 1
        self.lost += found.lost
        self.duplicated += found.duplicated
        self.out_of_order += found.out_of_order
        assert found.sound, found

    def write(self) -> None:
        """Hand it over, if somebody wants it. Many processes may write at once."""
        if name := os.environ.get(FILE):
            with Path(name).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")


def read(path: Path) -> list[Tally]:
    """Read what all tests have written."""
    return [Tally(**json.loads(line)) for line in path.read_text().splitlines()]
