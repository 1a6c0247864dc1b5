"""The benchmark: measure what users wait for, each beside a floor, in one run."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
import uvloop

from scripts.bench.access import access
from scripts.bench.append import append_concurrent, append_single
from scripts.bench.audit import audit
from scripts.bench.batches import batches, memory
from scripts.bench.engines import Engine, running_engines
from scripts.bench.environments import install
from scripts.bench.exports import exports
from scripts.bench.growth import growth
from scripts.bench.http import http, readable
from scripts.bench.measures import Measure, WrongAnswer
from scripts.bench.reads import reads
from scripts.bench.report import circumstances, keep, show
from scripts.bench.streams import streams

_DISK: Final = "/var/tmp"  # noqa: S108 - a folder of our own is made in it
"""On a disk everywhere, as /tmp is not: what is measured waits for it."""

_SIZES: Final = (10**5, 10**6, 10**7)
"""Events of the stores of which it is measured how they grow."""


class _How(NamedTuple):
    """By how much sizes are divided, with one round where that is not 1; and who takes part."""

    part: int
    largest: int
    peers: bool

    @property
    def rounds(self) -> int:
        return 5 if self.part == 1 else 1

    @property
    def fewer(self) -> int:
        return 3 if self.part == 1 else 1


async def _append(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    rounds, peers = how.rounds, how.peers
    single = await append_single(engines, rounds=rounds, count=2_000 // how.part, peers=peers)
    many = await append_concurrent(engines, rounds=rounds, count=32_000 // how.part, peers=peers)
    return [*single, *many]


async def _http(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    return await http(engines, rounds=how.rounds, count=10_000 // how.part)


async def _readable(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    seconds, steady = 10 // how.part, how.part == 1
    return await readable(engines, rounds=how.fewer, seconds=seconds, steady=steady)


async def _reads(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    events, count = 20_000 // how.part, 6_000 // how.part
    return await reads(engines, rounds=how.rounds, events=events, count=count, peers=how.peers)


async def _access(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    events, count = 20_000 // how.part, 6_000 // how.part
    return await access(engines, rounds=how.rounds, events=events, count=count)


async def _audit(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    events, count = 10**6 // how.part**2, 6_000 // how.part
    return await audit(engines, rounds=how.fewer, events=events, count=count)


async def _batches(engines: Sequence[Engine], folder: Path, how: _How) -> list[Measure]:
    count = 100_000 // how.part
    return await batches(engines, folder, rounds=how.fewer, count=count, peers=how.peers)


async def _exports(engines: Sequence[Engine], folder: Path, how: _How) -> list[Measure]:
    events = 500_000 // how.part**2
    return await exports(engines, folder, rounds=how.fewer, events=events, peers=how.peers)


async def _streamed(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    seconds, steady = 10 // how.part, how.part == 1
    return await streams(engines, rounds=how.fewer, seconds=seconds, steady=steady)


async def _memory(engines: Sequence[Engine], folder: Path, how: _How) -> list[Measure]:
    return await memory(engines, folder, count=10**6 // how.part**2)


async def _growth(engines: Sequence[Engine], _folder: Path, how: _How) -> list[Measure]:
    sizes = [size for size in _SIZES if size <= how.largest]
    return await growth(engines, sizes=[size // how.part**2 for size in sizes])


_MEASURED: Final = {
    "append": _append,
    "http": _http,
    "readable": _readable,
    "reads": _reads,
    "access": _access,
    "streams": _streamed,
    "audit": _audit,
    "batches": _batches,
    "exports": _exports,
    "memory": _memory,
    "growth": _growth,
}
_USUAL: Final = tuple(_MEASURED)[:9]

Only = Annotated[
    list[str],
    typer.Option(help=f"Measure only these: {', '.join(_MEASURED)}; else the first nine."),
]


def bench(  # noqa: PLR0913 - what can be asked for
    only: Only = [],  # noqa: B006 - typer's way to repeat an option
    *,
    quick: Annotated[
        bool, typer.Option(help="A tenth of the size or less, to see that it runs.")
    ] = False,
    full: Annotated[bool, typer.Option(help="Memory and growth, too: that takes hours.")] = False,
    largest: Annotated[
        int, typer.Option(help="Events of the largest store that is grown.")
    ] = _SIZES[-1],
    peers: Annotated[
        bool, typer.Option(help="Measure others too, in environments that are installed first.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option(help="Write figures.json and charts into this folder, too.")
    ] = None,
) -> None:
    """Measure; exit with 1 if an answer was wrong. A goal that is missed is no failure."""
    around = circumstances(quick=quick)
    what = only or (_MEASURED if full else _USUAL)
    how = _How(10 if quick else 1, largest, peers=peers)
    try:
        if peers or out:
            install()
        measures = uvloop.run(_all(what, how))
    except WrongAnswer as error:
        typer.echo(f"bench: a wrong answer is no result: {error}", err=True)
        raise typer.Exit(1) from None
    show(measures, around)
    if out is not None:
        keep(measures, around, out)


async def _all(what: Iterable[str], how: _How) -> list[Measure]:
    measures: list[Measure] = []
    with (
        tempfile.TemporaryDirectory(prefix="chronicle-bench-", dir=_DISK) as name,
        running_engines(folder := Path(name)) as engines,
    ):
        for each in what:
            measures += await _MEASURED[each](engines, folder, how)
            typer.echo(f"bench: {each} measured", err=True)
    return measures


def main() -> None:
    """Run what the command line asks for."""
    typer.run(bench)
