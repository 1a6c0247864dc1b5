"""docs/analytics.md: its commands and queries with what they answer, and the columns of tables."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from projections.export.tables import TABLES, ExportTable

ROOT: Final = Path(__file__).parents[2]
ANALYTICS: Final = ROOT / "docs" / "analytics.md"

COMMANDS: Final = re.compile(r"^```console\n(?P<asked>\$ .*?)^```$", re.MULTILINE | re.DOTALL)
QUERY: Final = re.compile(
    r"^<!-- query: (?P<name>[a-z-]+) -->\n```sql\n(?P<asked>.*?)^```$(?:\n\n```text\n.*?^```$)?",
    re.MULTILINE | re.DOTALL,
)
_VIEWS: Final = re.compile(r"^```sql\n(SET .*?)^```$", re.MULTILINE | re.DOTALL)
_TABLES: Final = re.compile(r"(?<=<!-- tables -->\n).*(?=<!-- /tables -->)", re.DOTALL)

_WIDEST: Final = 60
"""Letters of a value that are shown."""


async def analytics(text: str, environment: Mapping[str, str], folder: Path) -> str:
    """Return the page with what its commands and its queries answer now, run in a folder."""
    text = await asyncio.to_thread(_with_commands, text, environment, folder)
    database = opened(text, folder)

    def answer(match: re.Match[str]) -> str:
        asked = f"<!-- query: {match['name']} -->\n```sql\n{match['asked']}```"
        found = database.sql(match["asked"])
        return f"{asked}\n\n```text\n{spelled(found.columns, found.fetchall())}```"

    text = QUERY.sub(answer, text)
    return _TABLES.sub("\n" + "\n".join(map(_described, TABLES.values())) + "\n", text)


def opened(text: str, folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the views of the page over the export of a folder."""
    database = duckdb.connect()
    database.execute(f"SET file_search_path = '{folder}'")
    for block in _VIEWS.findall(text):
        database.execute(block)
    return database


def _with_commands(text: str, environment: Mapping[str, str], folder: Path) -> str:
    """Run the commands of each block, and put beneath each what it prints.

    What differs from run to run alone stays as it was: sizes, since times and keys differ.
    """

    def run(match: re.Match[str]) -> str:
        lines = match["asked"].splitlines()
        answered = [line for line in lines if line.startswith("$ ")]
        said = "".join(f"{line}\n{_said(line[2:], environment, folder)}" for line in answered)
        if _comparable(said) == _comparable(match["asked"]):
            said = match["asked"]
        return f"```console\n{said}```"

    return COMMANDS.sub(run, text)


def _said(command: str, environment: Mapping[str, str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE)


def _comparable(said: str) -> str:
    return re.sub(r"[\d.]+ (B|KiB|MiB)\b *", "SIZE", said)


def spelled(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Spell an answer as a table of text: numbers to the right."""
    rows = list(rows)
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    numbers = [
        bool(rows) and all(isinstance(row[at], int | float | None) for row in rows)
        for at in range(len(columns))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in [columns, *cells]
    ]
    return "".join(f"{line}\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    shown = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else str(value)
    shown = re.sub(r"\s+", " ", shown or "")
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"


def _described(table: ExportTable) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    order = ", ".join(f"`{name}`" for name in table.order)
    lines = [
        f"### `{table.name}`",
        "",
        f"A row for each {key}; a month is that of `{table.month}`; sorted by {order}.",
        "",
        "| column | type | says |",
        "|---|---|---|",
        *(f"| `{each.name}` | {_type(each.type)} | {each.about} |" for each in table.columns),
        "",
    ]
    return "\n".join(lines)


def _type(kind: Any) -> str:
    shown = str(kind).replace("timestamp[us, tz=UTC]", "timestamp, UTC").replace("item: ", "")
    return f"`{shown}`"
