"""`chronicle report`: five questions to a portal's history, drawn on one page."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zoneinfo import available_timezones

import typer

from scripts.console import OnePortal, application, example, run, say
from scripts.export import export_to

app = application()


@app.command(
    epilog=example(
        "chronicle report --portal acme --out report.html",
        "chronicle report --portal acme --out report.html --from history",
    )
)
def report(
    *,
    portal: OnePortal,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")],
    of: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="An export in Parquet, instead of a new one."),
    ] = None,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Where days and hours begin: Europe/Moscow.")
    ] = "UTC",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; default: all cores.")] = None,
) -> None:
    """Draw what is known of a portal: one page without scripts, which loads nothing.

    It exports what it needs into a folder of its own, and removes that. Reads only.
    """
    # DuckDB and Arrow take long to load, and no other command needs them.
    from projections.export.report.write import TABLES  # noqa: PLC0415
    from projections.export.report.write import report as drawn  # noqa: PLC0415
    from projections.export.target import Target  # noqa: PLC0415
    from projections.export.wanted import Wanted  # noqa: PLC0415

    if zone not in available_timezones():
        said = "no such zone: use a name like Europe/Moscow"
        raise typer.BadParameter(said, param_hint="--zone")
    if out.is_dir():
        raise typer.BadParameter("it is a folder: name a file", param_hint="--out")
    with TemporaryDirectory(prefix="chronicle-report-") as folder:
        if of is None:
            wanted = Wanted(portal=portal, format="parquet", tables=TABLES)
            asyncio.run(export_to(wanted, folder, jobs))
        page = drawn(of or Path(folder), portal, zone)
    with Target(str(out.parent)).writing(out.name) as file:
        file.write(page.encode())
    say(f"wrote {out}")


if __name__ == "__main__":
    run(app)
