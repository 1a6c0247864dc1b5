"""`chronicle rebuild`: the read models anew, from the log."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from projections.rebuild import RebuildSummary, Selection, rebuild
from projections.verify_read_models import differing_rows
from scripts.console import Json, MaybePortal, application, example, run, say, show_json, show_table
from scripts.progress import Progress
from scripts.store import open_store

app = application()


class Source(StrEnum):
    """What read models are rebuilt from."""

    RAW = "raw"
    FACTS = "facts"


@app.command("rebuild", epilog=example("chronicle rebuild", "chronicle rebuild --portal acme"))
def rebuild_read_models(
    portal: MaybePortal = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes that work at it; by default what suits.")
    ] = None,
    *,
    source: Annotated[
        Source,
        typer.Option("--from", help="Decode raw events again, or take the facts that are there."),
    ] = Source.RAW,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare with what is read; change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Derive the read models again from the log, while servers run and events come.

    What is read stays as it is until the new read models are complete. A rebuild that is cut off
    changes nothing. With `--check` it is compared row by row with what is read, shown with both
    values and dropped; ends with 1 if anything differs.
    """
    if check:
        _check(portal, jobs, json=json)
        return

    async def rebuilt() -> RebuildSummary:
        async with open_store() as store:
            only = None if portal is None else {store.snapshot.portal(portal).id}
            what = Selection(only, from_facts=source is Source.FACTS)
            with Progress("events") as progress:
                return await rebuild(store.place, store.catalog, progress.at, what=what, jobs=jobs)

    summary = asyncio.run(rebuilt())
    if json:
        show_json(asdict(summary))
    else:
        rate = summary.events / max(summary.seconds, 1e-9)
        say(
            f"generation {summary.generation}: {summary.events:,} events"
            f" in {summary.seconds:,.1f} s ({rate:,.0f}/s)"
        )


def _check(slug: str | None, jobs: int | None, *, json: bool) -> None:
    async def differing() -> list[dict[str, Any]]:
        async with open_store() as store:
            with Progress("events") as progress:
                found = differing_rows(store.place, store.portals(slug), progress.at, jobs=jobs)
                return [{"portal": portal.slug, **row._asdict()} async for portal, row in found]

    rows = asyncio.run(differing())
    if json:
        show_json({"ok": not rows, "differences": rows})
    elif rows:
        show_table(list(rows[0]), [_shown(row) for row in rows])
    else:
        say("nothing differs")
    if rows:
        say(f"chronicle: {len(rows):,} difference{'' if len(rows) == 1 else 's'}")
        raise typer.Exit(1)


def _shown(row: Mapping[str, Any]) -> list[str]:
    """Spell a difference for people: of a row that is missing there is no column."""
    key = "/".join(map(str, row["key"]))
    if row["column"] is None:
        values = ("the row", *("there" if row[of] else "missing" for of in ("stored", "derived")))
    else:
        values = (row["column"], *(_spelled(row[of]) for of in ("stored", "derived")))
    return [row["portal"], row["table"], key, *values]


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    run(app)
