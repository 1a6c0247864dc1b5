"""`chronicle verify`: whether what is stored is what was received, and what that means."""

import asyncio
from collections.abc import AsyncIterator

import typer

from projections.verify import Difference, verify_log, verify_read_models
from scripts.console import Json, MaybePortal, application, example, run, say, show_json, show_table
from scripts.progress import Progress
from scripts.store import OpenStore, open_store

app = application()


@app.command(epilog=example("chronicle verify", "chronicle verify --portal acme --json"))
def verify(portal: MaybePortal = None, *, json: Json = False) -> None:
    """Check the log against its commitments, and the read models against the log.

    Ends with 1 and the exact places if anything differs. Reads only: a server may run.
    """

    async def verified() -> list[Difference]:
        async with open_store() as store:
            return [difference async for difference in _differences(store, portal)]

    differences = asyncio.run(verified())
    if json:
        found = [difference._asdict() for difference in differences]
        show_json({"ok": not differences, "differences": found})
    elif differences:
        show_table(["portal", "place", "difference"], differences)
    else:
        say("nothing differs")
    if differences:
        say(f"chronicle: {differences[0].portal}: {differences[0].place}: {differences[0].detail}")
        raise typer.Exit(1)


async def _differences(store: OpenStore, slug: str | None) -> AsyncIterator[Difference]:
    portals = store.portals(slug)
    with Progress("events of the log") as progress:
        async for difference in verify_log(store.place, portals, progress.at):
            yield difference
    with Progress("events derived again") as progress:
        async for difference in verify_read_models(store.place, portals, progress.at):
            yield difference


if __name__ == "__main__":
    run(app)
