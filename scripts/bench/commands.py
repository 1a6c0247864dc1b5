"""Commands of Chronicle, run as users run them: processes of their own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Final, NamedTuple

from scripts.bench.measures import WrongAnswer
from scripts.bench.store import Store

_GLANCE: Final = 0.005
"""Seconds between two looks at a command that runs."""

_PATIENCE: Final = 30.0
"""Seconds in which a server must listen."""


class Finished(NamedTuple):
    """What a command took: seconds from its start to its end, and bytes at its peak."""

    seconds: float
    peak: int


def run_command(store: Store, *arguments: str) -> Finished:
    """Run `chronicle <command> …` on a store, and wait for its end.

    Raises WrongAnswer when it fails.
    """
    peak = 0
    with tempfile.TemporaryFile() as said:
        started = perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own commands
            _command(arguments), env=_environment(store), stdout=subprocess.DEVNULL, stderr=said
        )
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(_GLANCE)
        seconds = perf_counter() - started
        if process.returncode != 0:
            said.seek(0)
            raise WrongAnswer(f"{arguments[0]} failed: {said.read()[-500:].decode()}")
    return Finished(seconds, peak)


@asynccontextmanager
async def running_server(store: Store, *arguments: str) -> AsyncIterator[int]:
    """Run a server until the context ends; give the port at which it listens.

    Without arguments it is `chronicle serve`; else the module and arguments of another one, to
    which `--port` is added.
    """
    command = _command(["serve"]) if not arguments else [sys.executable, "-m", *arguments]
    async with running_program(command, _environment(store)) as port:
        yield port


@asynccontextmanager
async def running_program(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Run a program with `--port` until the context ends; give the port, when it listens there."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *command,
        "--port",
        str(port),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            while not _listens(port):
                if process.returncode is not None:
                    raise WrongAnswer(f"{' '.join(command[:3])} ended at once")
                await asyncio.sleep(0.05)
        yield port
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def asked(
    module: str, request: bytes, environment: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Let a module of ours answer a request in a process of its own.

    Raises WrongAnswer when it fails.
    """
    # Files, not pipes: of more than a pipe holds, a part was seen to get lost.
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(request)
        told.seek(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=told,
            stdout=said,
            env={**os.environ, **environment},
        )
        if await process.wait() != 0:
            raise WrongAnswer(f"{module} was not answered")
        said.seek(0)
        return said.read()


def _peak(pid: int) -> int:
    # Not getrusage: there, a new process begins at the peak of the one that made it.
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0  # it has ended


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "scripts.cli", *arguments]


def _environment(store: Store) -> dict[str, str]:
    return os.environ | store.environment | {"CHRONICLE_LOG_LEVEL": "warning"}


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
