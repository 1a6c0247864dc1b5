"""What every command shares: one line for an error, results as a table or as JSON."""

import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from eventstore.errors import EventstoreError, InvalidRegistration
from projections.errors import ProjectionsError
from projections.workers import calm_collector

_UNWRAPPED: Final = 200
"""Columns where no terminal sets them: a piped table must not be cut."""

Json = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]
OnePortal = Annotated[str, typer.Option("--portal", metavar="SLUG", help="Which portal.")]
MaybePortal = Annotated[
    str | None, typer.Option("--portal", metavar="SLUG", help="Only this portal.")
]


class Failure(Exception):
    """What a command could not do. The message is one line for a person."""


def application(name: str | None = None, *, about: str | None = None) -> typer.Typer:
    """Make the application of one command, or of a group of them."""
    return typer.Typer(
        name=name,
        help=about,
        no_args_is_help=name is not None,
        add_completion=False,
        rich_markup_mode="markdown",  # its paragraphs may be wrapped in the source
        pretty_exceptions_enable=False,  # they show locals, which hold secrets
    )


def example(*commands: str) -> str:
    """Spell the end of a help page."""
    return "Example: " + "  or  ".join(commands)


def run(app: typer.Typer) -> NoReturn:
    """Run a command: status 0, or 1 with one line that says why, or 2 for wrong usage.

    `--debug` anywhere, or CHRONICLE_DEBUG, shows the traceback as well.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    calm_collector()
    debug = len(arguments) < len(sys.argv) - 1 or bool(os.environ.get("CHRONICLE_DEBUG"))
    try:
        app(args=arguments)
    except Exception as error:  # noqa: BLE001 - this is where all of them end
        if debug:
            traceback.print_exc()
        cause = _cause(error)
        say(f"chronicle: {_in_words(cause)}")
        raise SystemExit(2 if isinstance(cause, InvalidRegistration) else 1) from None
    raise SystemExit(0)


def say(line: str) -> None:
    """Tell a person something: on stderr, for stdout is the results'."""
    print(line, file=sys.stderr, flush=True)


def show_json(value: Any) -> None:
    """Print a result for a program."""
    print(to_json(value).decode(), flush=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print results for a person. Numbers are set to the right; None is a dash."""
    cells = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        numbers = bool(cells) and all(isinstance(row[place], int) for row in cells)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(_cell, row))
    stdout().print(table)


def stdout() -> Console:
    """Return the console of the results. It prints what it is given, and no markup in it."""
    width = None if sys.stdout.isatty() else _UNWRAPPED
    return Console(width=width, markup=False, highlight=False, emoji=False)


def human_size(size: float) -> str:
    """Spell a number of bytes: `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004 - that is what the Ki stands for
            return f"{size:,.0f} B" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cause(error: BaseException) -> BaseException:
    """Find the one error in a group of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _in_words(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"CHRONICLE_{str(part['loc'][0]).upper()}: {part['msg']}" for part in error.errors()
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, Failure | EventstoreError | ProjectionsError):
        return " ".join(str(error).split())
    # A defect of ours. What it says could hold anything; what it is cannot.
    return f"unexpected {type(error).__name__}; --debug shows where"
