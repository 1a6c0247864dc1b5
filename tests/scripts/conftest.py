"""A store of its own for each test, and the commands on it: in this process, or as a server."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from eventstore.store import Store
from scripts.commands import app
from scripts.console import run
from tests.engines import environment

MEMBER_ID = "fakememberid00000000000000000001"
APPLICATION_TOKEN = "FAKE_APPLICATION_TOKEN_0001"  # noqa: S105 - of an invented portal


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for a program."""
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture(autouse=True)
def logging_ends_with_the_test() -> Iterator[None]:
    """A command run in this process logs to a stderr that the test closes."""
    yield
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], force=True)


@pytest.fixture
def anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run a command that needs no store, in this process: `anywhere("config")`."""
    for name in os.environ:
        if name.startswith("CHRONICLE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["chronicle", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with _within(60), pytest.raises(SystemExit) as ended:
            run(app(sys.argv[1:]))
        said = capfd.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return command


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Interrupt what goes on for longer, as a server does that should have refused to start."""

    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def chronicle(anywhere: Command, fresh: Store, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command on the store of this test: `chronicle("portal", "list")`."""
    for name, value in environment(fresh).items():
        monkeypatch.setenv(name, value)
    return anywhere


@pytest.fixture
def acme(chronicle: Command) -> str:
    """A registered portal; its ingest path."""
    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID, "--json")
    return str(added.json["ingest_path"])


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command on the store of this test, as a process of its own."""
    name, *rest = arguments
    command = [sys.executable, "-m", f"scripts.{name}", *rest]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, text=True, env=variables, **options)


def together(*commands: Sequence[str]) -> list[Any]:
    """Run commands at the same time; return what each printed for a program."""
    with ExitStack() as running:
        processes = [
            running.enter_context(started(*command, stdout=subprocess.PIPE)) for command in commands
        ]
        printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(commands)
    return [json.loads(one) for one in printed]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server as a process of its own; give it and its address."""
    with started("serve", "--port", "0", *arguments, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found, process.stderr.read()
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


@pytest.fixture
def server(acme: str) -> Iterator[str]:
    """The address of a server on the store of this test."""
    with serving() as (_, url):
        yield url


def settled(chronicle: Command) -> Any:
    """Return the status when a server has projected all that it took."""
    deadline = time.monotonic() + 30
    while True:
        status = chronicle("status", "--json").json
        if not any(portal["lag"] for portal in status) or time.monotonic() > deadline:
            return status
