"""The tables of docs/reliability.md: what was tried, what was found, what the mutants did."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.faults.mutants import Mutant
from tests.faults.tallies import Tally

_COUNTS: Final = ("runs", "states", "acknowledged", "lost", "duplicated", "out_of_order")


def fault_table(tallies: Iterable[Tally]) -> str:
    """One row for each fault and engine, with the sums of what the tests counted."""
    sums: dict[tuple[str, str], list[int]] = {}
    for tally in tallies:
        row = sums.setdefault((tally.fault, tally.engine), [0] * len(_COUNTS))
        sums[tally.fault, tally.engine] = [
            total + getattr(tally, name) for total, name in zip(row, _COUNTS, strict=True)
        ]
    heads = ("fault", "engine", *(name.replace("_", " ") for name in _COUNTS))
    rows = [(*of, *(f"{count:,}" for count in counts)) for of, counts in sorted(sums.items())]
    return _table(heads, rows, numbers=len(_COUNTS))


def mutant_table(caught: Iterable[Mutant]) -> str:
    """One row for each mutant: what it changes, and which test noticed."""
    rows = [(each.name, f"`{each.file}`", f"`{_short(each.test)}`") for each in caught]
    return _table(("mutant", "changes", "caught by"), rows)


def circumstances(around: Mapping[str, Any]) -> str:
    """Where, when and with what all this ran."""
    return (
        f"{around['date']}, commit {around['commit']}: {around['cores']} cores,"
        f" Python {around['python']}, SQLite {around['sqlite']}."
    )


def fill_in(path: Path, parts: Mapping[str, str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`."""
    text = path.read_text()
    for name, part in parts.items():
        between = re.compile(rf"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)", re.DOTALL)
        assert between.search(text), name
        text = f"{part}\n".join(between.split(text))
    path.write_text(text)


def _short(test: str) -> str:
    return test.rpartition("::")[2].partition("[")[0]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    rules = ["---"] * (len(heads) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows))
