"""What cannot be exported is told in one line, and leaves nothing that looks done."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from eventstore.lock import hold
from tests.engines import on_sqlite
from tests.faults.test_disk_full import PLENTY, tmpfs
from tests.scripts.conftest import Command, started

pytestmark = on_sqlite  # what is refused is refused before any row is read

PATIENCE = 60
LITTLE = 40_960
"""Bytes with which a disk has room for a manifest, and not for all tables."""


@pytest.fixture
def projected(chronicle: Command, acme: str) -> Command:
    """A portal of which everything is projected: nothing."""
    assert chronicle("rebuild").status == 0
    return chronicle


WRONG = {
    "an unknown table": (["--tables", "messages,letters"], "no table letters"),
    "no table": (["--tables", ""], "no table"),
    "a reversed window": (
        ["--since", "2026-02-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"],
        "later than --since",
    ),
    "a time without its zone": (["--since", "2026-02-01T00:00:00"], "use a time like"),
    "no time": (["--until", "yesterday"], "use a time like"),
    "a time before all years": (["--since", "0001-01-01T00:00:00+14:00"], "use a time like"),
    "a time behind them": (["--until", "9999-12-31T23:59:59-12:00"], "use a time like"),
    "a moment that is yet to come": (["--as-of", "2126-01-01T00:00:00Z"], "later than now"),
    "an unknown format": (["--format", "xlsx"], "xlsx"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_told_before_anything_is_there(
    projected: Command, tmp_path: Path, words: list[str], told: str
) -> None:
    said = projected("export", "--portal", "acme", "--to", tmp_path / "out", *words)

    assert said.status == 2
    assert told in " ".join(said.err.replace("│", "").split())
    assert not (tmp_path / "out").exists()


REFUSED = {
    "a chat that nobody told of": (["--chat", "7"], "nothing was ever told of a chat 7"),
    "a number beyond every id": (
        ["--chat", str(2**63)],
        f"nothing was ever told of a chat {2**63}",
    ),
    "a position that is not there yet": (["--from-position", "9"], "position 9 is not there yet"),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_there_is_told_in_one_line_and_leaves_nothing(
    projected: Command, tmp_path: Path, words: list[str], told: str
) -> None:
    said = projected("export", "--portal", "acme", "--to", tmp_path / "out", *words)

    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert told in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("/proc/nowhere", "No such file or directory"),
        ("full", "letter.txt is in it"),
        ("ftp://somewhere/out", "use a folder, or s3://BUCKET/FOLDER"),
        ("s3://", "use a folder, or s3://BUCKET/FOLDER"),
        ("s3://key:SECRET@bucket/out", "credentials stand in the environment"),
    ],
)
def test_a_target_that_takes_nothing_is_told_in_one_line(
    projected: Command, tmp_path: Path, target: str, told: str
) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("somebody else's")

    said = projected("export", "--portal", "acme", "--to", target)

    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert f": {told}" in said.err
    assert "SECRET" not in said.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_another_export_is_not_written_over(projected: Command, tmp_path: Path) -> None:
    words = "export", "--portal", "acme", "--to", tmp_path / "out"
    assert projected(*words, "--tables", "chats").status == 0
    manifest = (tmp_path / "out" / "manifest.json").read_bytes()

    said = projected(*words, "--tables", "users")

    assert (said.status, said.err.count("\n")) == (1, 1)
    assert "asked for in other words" in said.err
    assert (tmp_path / "out" / "manifest.json").read_bytes() == manifest


def test_two_do_not_write_to_one_folder(projected: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    with hold(tmp_path / "out" / "_lock"):
        said = projected("export", "--portal", "acme", "--to", tmp_path / "out")

    assert (said.status, said.err.count("\n")) == (1, 1)
    assert "another process is writing an export there" in said.err
    assert projected("export", "--portal", "acme", "--to", tmp_path / "out").status == 0
    assert not (tmp_path / "out" / "_lock").exists()


def test_a_full_disk_is_told_in_one_line_and_gone_on_from(
    projected: Command, tmp_path: Path
) -> None:
    with tmpfs(tmp_path / "disk") as leave_room:
        out = tmp_path / "disk" / "out"
        words = "export", "--portal", "acme", "--to", out, "--jobs", "1"
        leave_room(os.getpid(), LITTLE)

        said = projected(*words)

        assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
        assert "No space left on device" in said.err
        assert (out / "manifest.json").exists()
        assert not (out / "complete.json").exists()
        leave_room(os.getpid(), PLENTY)
        assert projected(*words).status == 0
        assert (out / "complete.json").exists()


def test_ctrl_c_ends_it_with_one_line(projected: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = "export", "--portal", "acme", "--to", str(out)
    with started(*words, start_new_session=True, stderr=subprocess.PIPE) as exporting:
        deadline = time.monotonic() + PATIENCE
        while not (out / "manifest.json").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(exporting.pid, signal.SIGINT)  # as a terminal does
        _, said = exporting.communicate(timeout=PATIENCE)

    assert (exporting.returncode, said.count("\n")) == (1, 1)
    assert "the same command goes on" in said
    assert not (out / "complete.json").exists()
    assert projected(*words).status == 0
    assert (out / "complete.json").exists()
