"""A process that puts events in a spool, drains it into a log now and then, and may die of it.

Its arguments: the spool's folder, the log's file, the first event's number, and where to die, which
is `never`, or the moment after what it names has come to pass.
"""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eventstore.log import Outcome, Pending
from eventstore.spool_file import SpoolFile
from eventstore.sqlite_log import SqliteLog
from tests.eventstore.factories import ORIGIN, new
from tests.eventstore.spooling import ORIGINS, opened


def deadly(function: Callable[..., Any], times: int) -> Callable[..., Any]:
    """Die when the function has come to pass for so many times."""
    left = itertools.count(times, -1)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        if next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


async def run(folder: Path, log: SqliteLog, first: int) -> None:
    async def append(batch: Sequence[Pending]) -> list[Outcome]:
        return log.append(batch)

    async with opened(folder) as spool:
        await spool.drain(append, ORIGINS.get)
        for number in itertools.count(first):
            await spool.put([Pending(ORIGIN, new(f"webhook:{number}"))])
            print("ACK", number, flush=True)
            if number % 5 == 0:
                await spool.drain(append, ORIGINS.get)


def main(folder: Path, log: Path, first: int, dies: str) -> None:
    deaths: dict[str, Any] = {"put": SpoolFile, "removed": SpoolFile, "landed": SqliteLog}
    if dies != "never":
        name = {"put": "write", "removed": "remove", "landed": "append"}[dies]
        setattr(deaths[dies], name, deadly(getattr(deaths[dies], name), 4))
    asyncio.run(run(folder, SqliteLog(log), first))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
