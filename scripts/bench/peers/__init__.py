"""The peers: others of the field, each in an environment of its own, doing the same."""

import asyncio
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from scripts.bench.environments import program
from scripts.bench.measures import WrongAnswer

EVENTSOURCING: Final = "eventsourcing"
PY_EVENT_SOURCING: Final = "py-event-sourcing"
DATASETTE: Final = "datasette"
DUCKDB: Final = "duckdb"
PEERS: Final = (EVENTSOURCING, PY_EVENT_SOURCING, DATASETTE, DUCKDB)


class Told(NamedTuple):
    """What a peer did: events a second, and what was found when all was read back."""

    rate: float
    lost: int
    duplicated: int
    out_of_order: int


_TOLD: Final = TypeAdapter(Told)


async def rate_of(name: str, *arguments: str) -> float:
    """Let a peer do something; return its events a second.

    Raises WrongAnswer when it fails, or when what it kept is not what it was given.
    """
    script = str(Path(__file__).parent / f"with_{name.replace('-', '_')}.py")
    process = await asyncio.create_subprocess_exec(
        program(name, "python"), script, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complained = await process.communicate()
    if process.returncode:
        raise WrongAnswer(f"{name} failed: {complained[-500:].decode()}")
    told = _TOLD.validate_json(said)
    if told.lost or told.duplicated or told.out_of_order:
        raise WrongAnswer(f"{name}: {told}")
    return told.rate
