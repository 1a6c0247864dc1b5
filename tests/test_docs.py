"""The README runs, its demo is the real one, and the documents say what the code does."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import Settings
from eventstore.event import NewEvent
from eventstore.integrity import commitment, leaf
from eventstore.store import Store
from tests.engines import environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

NO_SERVER_STAYS = "trap 'jobs -p | xargs --no-run-if-empty kill' EXIT"


def run(command: list[str], cwd: Path, **environment: str) -> str:
    """Run a command with this environment's programs on its path; return what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.long  # twenty commands, each as a process
def test_the_readme_runs(fresh: Store, tmp_path: Path) -> None:
    """Every ```sh block, in order, in one shell that stops at the first failure."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    script = "\n".join([NO_SERVER_STAYS, *blocks]).replace("8080", str(free_port()))

    (tmp_path / "tests").symlink_to(ROOT / "tests")
    shown = run(["bash", "-euo", "pipefail", "-m", "-c", script], tmp_path, **environment(fresh))

    assert "please log the rollout plan v2" in shown


def test_the_demo_of_the_readme_is_the_real_one(tmp_path: Path) -> None:
    """It has an embedded store of its own, whatever engine is configured."""
    walk = re.search(r"<!-- demo -->\n```console\n(.*?)```", README, re.DOTALL)
    assert walk is not None

    shown = run(
        ["chronicle", "demo", "--exit", "--port", str(free_port()), "--data", "demo"],
        tmp_path,
        COLUMNS="100",
    )

    assert comparable(shown) in comparable(walk[1])


def comparable(shown: str) -> str:
    """Leave out what differs from run to run: the port, the token, space at line ends."""
    shown = re.sub(r"chronicle_[\w-]+", "TOKEN", shown)
    shown = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", shown)
    return re.sub(r"[ \t]+$", "", shown, flags=re.MULTILINE).strip()


def test_every_command_stands_in_the_readme() -> None:
    commands = run(["chronicle", "--help"], ROOT, COLUMNS="80")

    for name in re.findall(r"^│ ([a-z]+) ", commands, re.MULTILINE):
        assert re.search(rf"\b{name}\b", README), name


def test_every_setting_stands_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text()

    for name in Settings.model_fields:
        assert f"`CHRONICLE_{name.upper()}`" in guide


def test_the_vectors_of_the_formats_hold() -> None:
    formats = (ROOT / "docs" / "formats.md").read_text()
    event = NewEvent(
        key="fetch:700104",
        source="import",
        receiver="user:58",
        sequence=700104,
        event_type="ONIMV2MESSAGEADD",
        received_at=1789370102000000,
        sent_at=None,
        payload='{"text":"Tomás ✅"}',
    )

    committed = commitment(bytes(range(32)), event.payload.encode())

    assert f"| commitment | `{committed.hex()}` |" in formats
    assert f"| leaf | `{leaf(1, 17, event, committed).hex()}` |" in formats
