"""`chronicle export`: a portal's history as files for other tools."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import available_timezones

import typer

from api.times import now, to_instant
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.event import Instant
from projections.generations import maker_of
from scripts.console import (
    Failure,
    Json,
    application,
    example,
    human_size,
    run,
    say,
    show_json,
    show_table,
)
from scripts.progress import Progress
from scripts.store import OpenStore, open_store

if TYPE_CHECKING:
    from projections.export.manifest import Complete
    from projections.export.wanted import Wanted

app = application()

Format = Literal["parquet", "csv", "jsonl", "html"]


@app.command(
    epilog=example(
        "chronicle export --portal acme --to history",
        "chronicle export --portal acme --to news --from-position 918274",
        "chronicle export --portal acme --to for-counsel --format html --chat 2207",
        "chronicle export --merge history --merge news --to both",
    )
)
def export(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    *,
    portal: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Which portal. Needed but with --merge.")
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="DIR", help="A folder, or a bucket: s3://BUCKET/FOLDER.")
    ],
    form: Annotated[
        Format, typer.Option("--format", help="What other tools are to read.")
    ] = "parquet",
    tables: Annotated[
        str | None,
        typer.Option(metavar="TABLE,TABLE", help="Only these tables, comma-separated."),
    ] = None,
    from_position: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Only what changed from this position on."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was then: 2026-09-14T00:00:00Z.")
    ] = None,
    chat: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", min=1, help="Only this chat; repeat it for more."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what is of this moment, or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what is before this moment.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; default: all cores.")] = None,
    formula_guard: Annotated[
        bool, typer.Option(help="In CSV, keep spreadsheets from taking a text for a formula.")
    ] = True,
    byte_order_mark: Annotated[
        bool, typer.Option("--byte-order-mark", help="Begin CSV files with one: for Excel.")
    ] = False,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="In HTML, where times are told: Europe/Moscow.")
    ] = "UTC",
    merge: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Merge exports that follow each other: a whole one and its increments. Repeat it,"
            " or name the folder that they are in.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write what is known of a portal as files for other tools. Reads only: a server may run.

    What it knows is fixed when it begins. Cut off anywhere, the same command goes on; a folder
    without complete.json is not whole. `--format html` writes one page a chat, to read and print.
    """
    if not to:
        raise typer.BadParameter("name a folder, or s3://BUCKET/FOLDER", param_hint="--to")
    if merge:
        _check_merging(context, merge)
        _show_whole(_finished(_merge(merge, to)), json=json)
        return
    if portal is None:
        raise typer.BadParameter("which one is to be exported?", param_hint="--portal")
    # Arrow takes long to load, and no other command needs it.
    from projections.export.tables import TABLES  # noqa: PLC0415
    from projections.export.wanted import Wanted  # noqa: PLC0415

    said = ",".join(TABLES) if tables is None else tables
    named = list(dict.fromkeys(each.strip() for each in said.split(",")))
    if unknown := [each for each in named if each not in TABLES]:
        said = f"no table {', '.join(unknown)}: there are {', '.join(TABLES)}"
        raise typer.BadParameter(said, param_hint="--tables")
    names = [each for each in TABLES if each in named]  # in whatever order they were named
    if form == "html":
        _check_pages(chat, tables, from_position, zone)
        names = []
    begin, end = _time(since, "--since"), _time(until, "--until")
    if begin is not None and end is not None and begin >= end:
        raise typer.BadParameter("it must be later than --since", param_hint="--until")
    then = _time(as_of, "--as-of")
    if then is not None and then > now():
        raise typer.BadParameter("it is later than now", param_hint="--as-of")
    wanted = Wanted.model_validate(
        {
            "portal": portal,
            "format": form,
            "tables": names,
            "from_position": from_position,
            "as_of": then,
            "chats": sorted(set(chat)) if chat else None,
            "since": begin,
            "until": end,
            "formula_guard": formula_guard,
            "byte_order_mark": byte_order_mark,
            "zone": zone,
        }
    )
    _show_whole(_finished(export_to(wanted, to, jobs)), json=json)


def _finished(work: Coroutine[Any, Any, "Complete"]) -> "Complete":
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise Failure("stopped: the same command goes on where it was cut off") from None


def _check_merging(context: typer.Context, folders: Sequence[Path]) -> None:
    """Raise BadParameter for what the exports that are to be merged have decided already."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    decided = sorted(
        "format" if name == "form" else name for name in given - {"merge", "to", "json"}
    )
    if decided:
        said = f"the exports have decided --{', --'.join(decided).replace('_', '-')}"
        raise typer.BadParameter(said, param_hint="--merge")
    if remote := [each for each in folders if each.parts[0].endswith(":")]:
        said = f"{remote[0]} is no folder of this machine: copy it here first"
        raise typer.BadParameter(said, param_hint="--merge")


async def _merge(folders: Sequence[Path], to: str) -> "Complete":
    from projections.export.merge import merge as merged  # noqa: PLC0415
    from projections.export.target import Target  # noqa: PLC0415

    with Progress("tables") as progress:
        return await merged(folders, Target(to), progress.at)


def _check_pages(
    chats: list[int] | None, tables: str | None, from_position: int | None, zone: str
) -> None:
    """Raise BadParameter for what transcripts cannot be made of."""
    if not chats:
        raise typer.BadParameter("html is a page for each chat: name it", param_hint="--chat")
    if tables is not None:
        raise typer.BadParameter("html has no tables", param_hint="--tables")
    if from_position is not None:
        said = "html is always of the whole chat"
        raise typer.BadParameter(said, param_hint="--from-position")
    if zone not in available_timezones():
        said = "no such zone: use a name like Europe/Moscow"
        raise typer.BadParameter(said, param_hint="--zone")


async def export_to(wanted: "Wanted", to: str, jobs: int | None) -> "Complete":
    """Export from the store of this installation. Raises Failure where nothing is projected."""
    from projections.export.export import export as exported  # noqa: PLC0415
    from projections.export.names import COMPLETE  # noqa: PLC0415
    from projections.export.pieces import Source  # noqa: PLC0415
    from projections.export.target import Target  # noqa: PLC0415

    async with open_store() as store:
        with Progress("rows") as progress:
            while True:
                portal = (await store.catalog.snapshot()).portal(wanted.portal)
                await _check_projected(store, portal)
                models = store.place.generation(portal.generation)
                target, installation = Target(to), store.catalog.installation
                source = Source(installation, store.place.log, models, portal.id)
                was_whole = target.size(COMPLETE) is not None
                try:
                    whole = await exported(
                        source, target, wanted, progress.at, now=now(), jobs=jobs
                    )
                except StoreUnavailable:
                    again = (await store.catalog.snapshot()).portal(wanted.portal)
                    if again.generation == portal.generation:
                        raise
                    # A rebuild put others in the place of these read models: they say the same.
                else:
                    if was_whole:
                        say(f"{to} was whole already, of position {whole.position}: it stays so")
                    return whole


async def _check_projected(store: OpenStore, portal: Portal) -> None:
    """Raise Failure where nothing of this version is projected."""
    generation = store.place.generation(portal.generation)
    if not await generation.exists():
        raise Failure(f"{portal.slug}: nothing is projected yet: `chronicle serve` does it")
    session = await generation.open_reader()
    try:
        if await maker_of(session) is None:
            raise Failure(
                f"{portal.slug}: the read models are of another version: `chronicle rebuild`"
            )
    finally:
        await session.close()


def _show_whole(whole: "Complete", *, json: bool) -> None:
    if json:
        show_json(_summary(whole))
    else:
        _show(whole)


def _summary(whole: "Complete") -> dict[str, Any]:
    return {
        "position": whole.position,
        "rows": whole.rows,
        "files": len(whole.parts),
        "bytes": sum(part.bytes for part in whole.parts),
    }


def _show(whole: "Complete") -> None:
    rows = []
    for name, count in whole.rows.items():
        parts = [part for part in whole.parts if part.table == name]
        rows.append((name, count, len(parts), human_size(sum(part.bytes for part in parts))))
    show_table(("table", "rows", "files", "size"), rows)


def _time(text: str | None, option: str) -> Instant | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        instant = None if at.tzinfo is None else to_instant(at)
    except ValueError:
        instant = None
    if instant is None:
        raise typer.BadParameter("use a time like 2026-09-14T00:00:00Z", param_hint=option)
    return instant


if __name__ == "__main__":
    run(app)
