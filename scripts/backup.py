"""`chronicle backup`: log, catalog and key, as they are at one moment."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.settings import Settings
from api.times import now
from eventstore.backup import Manifest, backup
from scripts.console import Json, application, example, run, say, show_json
from scripts.progress import Progress

app = application()

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")]


@app.command("backup", epilog=example("chronicle backup /backups/2026-11-22"))
def back_up(folder: Folder, *, json: Json = False) -> None:
    """Copy log, catalog and secret key into a new folder, while a server runs or not.

    The copy is an embedded store itself, whatever engine it came from: `CHRONICLE_DATABASE=
    sqlite:///DIR chronicle verify` proves it where it lies. It holds the secret key: keep it as
    you keep that. Read models are not in it, since `chronicle rebuild` makes them.
    """

    async def backed_up() -> Manifest:
        with Progress("events") as progress:
            return await backup(Settings().store, folder, progress.at, now=now())

    manifest = asyncio.run(backed_up())
    if json:
        show_json({"folder": str(folder), "events": manifest.events})
    else:
        say(f"{folder}: {manifest.events:,} events")


if __name__ == "__main__":
    run(app)
