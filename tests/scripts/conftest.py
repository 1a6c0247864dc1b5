"""A store of its own for each test, and the commands on it: in this process, or as a server."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.cli import app
from scripts.console import run

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
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the store that the commands of this test use."""
    for name in os.environ:
        if name.startswith("CHRONICLE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHRONICLE_DATABASE", f"sqlite:///{tmp_path / 'data'}")
    return tmp_path / "data"


@pytest.fixture
def chronicle(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Run a command in this process: `chronicle("portal", "list")`."""

    def command(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["chronicle", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(app)
        said = capfd.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return command


@pytest.fixture
def acme(chronicle: Command) -> str:
    """A registered portal; its ingest path."""
    added = chronicle("portal", "add", "acme", "--member-id", MEMBER_ID, "--json")
    return str(added.json["ingest_path"])


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server as a process of its own; give it and its address."""
    command = [sys.executable, "-m", "scripts.serve", "--port", "0", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
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
