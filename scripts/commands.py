"""All commands in one."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from scripts.console import application, run

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve",
    "demo": "demo",
    "portal": "portal",
    "token": "token",
    "import": "imports",  # `import` is reserved
    "connection": "connection",
    "poll": "poll",
    "reconcile": "reconcile",
    "quarantine": "quarantine",
    "migrate": "migrate",
    "rebuild": "rebuild",
    "verify": "verify",
    "access": "access",
    "status": "status",
    "coverage": "coverage",
    "export": "export",
    "report": "report",
    "backup": "backup",
    "restore": "restore",
    "config": "config",
}
"""Every command, with the module that has it, in the order of the help."""


def chronicle(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a failure. Good anywhere.")
    ] = False,
) -> None:
    """Keep the whole history of Bitrix24 chats."""


def app(arguments: Sequence[str]) -> typer.Typer:
    """Make the application that these arguments ask for.

    Only the module of that command is loaded: all of them together take half a second longer.
    """
    asked = next((each for each in arguments if not each.startswith("-")), "")
    made = application("chronicle", about="Keeps the whole history of Bitrix24 chats.")
    made.callback()(chronicle)
    for module in [COMMANDS[asked]] if asked in COMMANDS else COMMANDS.values():
        made.add_typer(import_module(f"scripts.{module}").app)
    return made


def main() -> None:
    """Run what the command line asks for."""
    run(app(sys.argv[1:]))
