"""`python -m scripts.bench`: measure what users wait for, each beside a floor, in one run."""

import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop

from scripts.bench.append import append_concurrent, append_single
from scripts.bench.batches import batches, memory
from scripts.bench.engines import Engine, running_engines
from scripts.bench.http import http, readable
from scripts.bench.measures import Measure, WrongAnswer
from scripts.bench.report import as_json, circumstances, show

_DISK: Final = "/var/tmp"  # noqa: S108 - a folder of our own is made in it
"""On a disk everywhere, as /tmp is not: what is measured waits for it."""

Only = Annotated[
    list[str], typer.Option(help="Measure only these: append, http, readable, batches, memory.")
]


def bench(
    only: Only = [],  # noqa: B006 - typer's way to repeat an option
    *,
    quick: Annotated[
        bool, typer.Option(help="A tenth of the size or less, to see that it runs.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON here, too.")] = None,
) -> None:
    """Measure; exit with 1 if an answer was wrong. A goal that is missed is no failure."""
    around = circumstances(quick=quick)
    try:
        measures = uvloop.run(_all(only, quick=quick))
    except WrongAnswer as error:
        typer.echo(f"bench: a wrong answer is no result: {error}", err=True)
        raise typer.Exit(1) from None
    show(measures, around)
    if out is not None:
        out.write_text(json.dumps(as_json(measures, around), indent=1) + "\n")


async def _all(only: Sequence[str], *, quick: bool) -> list[Measure]:
    measures: list[Measure] = []
    with (
        tempfile.TemporaryDirectory(prefix="chronicle-bench-", dir=_DISK) as name,
        running_engines(folder := Path(name)) as engines,
    ):
        async for what, found in _measured(engines, folder, only, 10 if quick else 1):
            typer.echo(f"bench: {what} measured", err=True)
            measures += found
    return measures


async def _measured(
    engines: Sequence[Engine], folder: Path, only: Sequence[str], part: int
) -> AsyncIterator[tuple[str, list[Measure]]]:
    """Give what is measured, with sizes divided by `part`, and one round where that is not 1."""
    rounds, fewer = (5, 3) if part == 1 else (1, 1)
    if not only or "append" in only:
        single = await append_single(engines, rounds=rounds, count=2_000 // part)
        many = await append_concurrent(engines, rounds=rounds, count=32_000 // part)
        yield "append", [*single, *many]
    if not only or "http" in only:
        yield "http", await http(engines, rounds=rounds, count=10_000 // part)
    if not only or "readable" in only:
        steady = part == 1
        seconds = 10 // part
        found = await readable(engines, rounds=fewer, seconds=seconds, steady=steady)
        yield "readable", found
    if not only or "batches" in only:
        yield "batches", await batches(engines, folder, rounds=fewer, count=100_000 // part)
    if not only or "memory" in only:
        yield "memory", await memory(engines, folder, count=500_000 // part**2)


if __name__ == "__main__":
    typer.run(bench)
