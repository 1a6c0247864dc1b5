"""`chronicle migrate`: log and catalog made, or brought to this version."""

import asyncio
from typing import Annotated

import typer

from api.settings import Settings
from eventstore.migrations import migrate
from scripts.console import Json, application, example, run, say, show_json

app = application()


@app.command(
    "migrate",
    epilog=example("chronicle migrate", "chronicle migrate --role chronicle | psql chronicle"),
)
def migrate_store(
    role: Annotated[
        str, typer.Option(metavar="NAME", help="PostgreSQL: as whom servers and commands connect.")
    ] = "chronicle",
    *,
    json: Json = False,
) -> None:
    """Make log and catalog where there is none, or upgrade them. Stop the servers first.

    On PostgreSQL, run it as the owner of the database. It prints the SQL that gives a role what
    servers and commands need, which is no right to change or delete an event.
    """
    store = Settings().store
    grants = store.grants(role)
    versions = asyncio.run(migrate(store))
    if json:
        parts = {name: {"before": old, "after": new} for name, (old, new) in versions.items()}
        show_json({**parts, "grants": grants})
        return
    for name, (before, after) in versions.items():
        say(f"{name}: {_change(before, after)}")
    for statement in grants:
        print(f"{statement};")


def _change(before: int, after: int) -> str:
    if before == after:
        return f"version {after}, as before"
    return f"version {before} to {after}" if before else f"made, version {after}"


if __name__ == "__main__":
    run(app)
