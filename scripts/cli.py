"""`chronicle`: all commands in one."""

from typing import Annotated

import typer

from scripts import (
    access,
    backup,
    config,
    connection,
    coverage,
    demo,
    export,
    imports,
    migrate,
    poll,
    portal,
    quarantine,
    rebuild,
    reconcile,
    restore,
    serve,
    status,
    token,
    verify,
)
from scripts.console import application, run

app = application("chronicle", about="Keeps the whole history of Bitrix24 chats.")

for command in (
    serve.app,
    demo.app,
    portal.app,
    token.app,
    imports.app,
    connection.app,
    poll.app,
    reconcile.app,
    quarantine.app,
    migrate.app,
    rebuild.app,
    verify.app,
    access.app,
    status.app,
    coverage.app,
    export.app,
    backup.app,
    restore.app,
    config.app,
):
    app.add_typer(command)


@app.callback()
def chronicle(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a failure. Good anywhere.")
    ] = False,
) -> None:
    """Keep the whole history of Bitrix24 chats."""


def main() -> None:
    """Run what the command line asks for."""
    run(app)


if __name__ == "__main__":
    main()
