"""`chronicle verify`: whether what is stored is what was received, and what that means."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Annotated

import typer

from projections.difference import Difference
from projections.verification import verify as checked
from scripts.console import Json, MaybePortal, application, example, run, say, show_json, show_table
from scripts.progress import Progress
from scripts.store import open_store

app = application()


@app.command(epilog=example("chronicle verify", "chronicle verify --portal acme --all --json"))
def verify(
    portal: MaybePortal = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that work at it; by default one a core.")
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Go on behind the first difference, and show every one.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the log against its commitments, and facts and read models against the log.

    Ends with 1 and the exact place of the first difference. Reads only: a server may run.
    """

    async def verified() -> list[Difference]:
        async with open_store() as store:
            portals = store.portals(portal)
            again = checked(store.place, store.catalog, portals, _watch, jobs=jobs)
            async with aclosing(again) as found:
                return [each async for each in (found if every else _first(found))]

    differences = asyncio.run(verified())
    if json:
        shown = [difference._asdict() for difference in differences]
        show_json({"ok": not differences, "differences": shown})
    elif differences:
        show_table(["portal", "place", "difference"], differences)
    else:
        say("nothing differs")
    if differences:
        say(f"chronicle: {differences[0].portal}: {differences[0].place}: {differences[0].detail}")
        raise typer.Exit(1)


async def _first(found: AsyncIterator[Difference]) -> AsyncIterator[Difference]:
    async for difference in found:
        yield difference
        return


@contextmanager
def _watch(counted: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(counted) as progress:
        yield progress.at


if __name__ == "__main__":
    run(app)
