"""`chronicle rebuild`: the read models anew, from the log."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from projections.rebuild import RebuildSummary, rebuild
from scripts.console import Json, MaybePortal, application, example, run, say, show_json
from scripts.progress import Progress
from scripts.store import open_store

app = application()


@app.command("rebuild", epilog=example("chronicle rebuild", "chronicle rebuild --portal acme"))
def rebuild_read_models(
    portal: MaybePortal = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that work at it; by default what suits.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Derive the read models again from the log, while servers run and events come.

    What is read stays as it is until the new read models are complete. A rebuild that is cut off
    changes nothing.
    """

    async def rebuilt() -> RebuildSummary:
        async with open_store() as store:
            only = None if portal is None else store.snapshot.portal(portal)
            with Progress("events") as progress:
                return await rebuild(store.place, store.catalog, progress.at, only=only, jobs=jobs)

    summary = asyncio.run(rebuilt())
    if json:
        show_json(asdict(summary))
    else:
        rate = summary.events / max(summary.seconds, 1e-9)
        say(
            f"generation {summary.generation}: {summary.events:,} events"
            f" in {summary.seconds:,.1f} s ({rate:,.0f}/s)"
        )


if __name__ == "__main__":
    run(app)
