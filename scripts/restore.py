"""`chronicle restore`: a backup into a store that has nothing yet."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.settings import Settings
from eventstore.backup import Manifest, restore
from scripts.console import Json, application, example, run, say, show_json
from scripts.progress import Progress

app = application()


@app.command("restore", epilog=example("chronicle restore /backups/2026-11-22"))
def restore_backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `chronicle backup` made.")],
    *,
    json: Json = False,
) -> None:
    """Copy a backup into the store of CHRONICLE_DATABASE, where there must be none yet.

    A backup of one engine may be restored to the other. All of it is there afterwards, or nothing.
    Run `chronicle rebuild` then: it is quicker than the server's projector.
    """

    async def restored() -> Manifest:
        with Progress("events") as progress:
            return await restore(folder, Settings().store, progress.at)

    manifest = asyncio.run(restored())
    if json:
        show_json({"folder": str(folder), "events": manifest.events})
    else:
        say(f"{manifest.events:,} events restored; `chronicle rebuild` makes the read models")


if __name__ == "__main__":
    run(app)
