"""Where an export goes: what is there is there whole, in a folder as in a bucket."""

import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from projections.errors import TargetUnusable
from projections.export.target import Target

PATIENCE = 60
SECRET = "FAKE_S3_SECRET_0001"  # noqa: S105 - of nobody

pytestmark = pytest.mark.xdist_group("s3")  # one server is enough


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """A bucket on a server that speaks as S3 does; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serving:
        deadline = time.monotonic() + PATIENCE
        while not _made(port, "bucket"):
            assert serving.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
        serving.terminate()


def _made(port: int, bucket: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("PUT", f"/{bucket}")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(params=["folder", "bucket"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Target:
    """An empty one of each kind."""
    if request.param == "folder":
        return Target(str(tmp_path / "out"))
    credentials(monkeypatch, request.getfixturevalue("server"))
    return Target(f"s3://bucket/{tmp_path.name}")


def credentials(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FAKE_S3_KEY_0001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def test_what_was_written_is_read_back_with_its_size_and_digest(target: Target) -> None:
    content = b"a\r\n" + bytes(range(256)) * 50_000

    with target.writing("one/two/three.bin") as file:
        file.write(content[:5])
        file.write(content[5:])

    assert target.read("one/two/three.bin") == content
    assert target.size("one/two/three.bin") == file.bytes == len(content)
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_what_is_not_there_is_none(target: Target) -> None:
    assert target.read("nothing") is None
    assert target.size("nothing") is None
    assert target.foreign() is None
    target.remove("nothing")


def test_what_fails_half_way_is_not_there(target: Target) -> None:
    def half_way() -> None:
        with target.writing("half") as file:
            file.write(b"x" * 20_000_000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_way()

    assert target.size("half") is None
    assert target.foreign() is None


def test_what_was_there_stays_until_all_of_the_new_is(target: Target) -> None:
    with target.writing("name") as file:
        file.write(b"old")
    with target.writing("name") as file:
        file.write(b"newer")

        assert target.read("name") == b"old"

    assert target.read("name") == b"newer"
    target.remove("name")
    assert target.size("name") is None


def test_what_is_of_others_is_seen_and_what_is_ours_is_not(target: Target) -> None:
    for name in ("_progress/messages-00000.json", ".hidden"):
        with target.writing(name) as file:
            file.write(b"{}")

    assert target.foreign() is None
    with target.writing("table=messages/theirs.parquet") as file:
        file.write(b"PAR1")
    assert target.foreign() == "table=messages"


def test_what_a_killed_one_left_behind_goes(tmp_path: Path) -> None:
    folder = tmp_path / "table=chats"
    folder.mkdir()
    (folder / "part-00000.parquet.1234.part").write_bytes(b"PAR")

    with Target(str(tmp_path)).held():
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["film.part", "letters/part-00000.parquet.1234.part"])
def test_what_others_have_not_finished_is_theirs(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_bytes(b"half of it")
    target = Target(str(tmp_path))

    assert target.foreign() == theirs.relative_to(tmp_path).parts[0]
    with target.held():
        assert theirs.read_bytes() == b"half of it"


def test_of_two_one_has_the_folder(tmp_path: Path) -> None:
    one, other = Target(str(tmp_path)), Target(str(tmp_path))

    with one.held(), pytest.raises(TargetUnusable, match="another process"), other.held():
        pass

    with other.held():
        assert [path.name for path in tmp_path.iterdir()] == ["_lock"]


@pytest.mark.parametrize(
    "address",
    ["s3://no-such-bucket/out", pytest.param("s3://bucket/out", marks=pytest.mark.long)],
)
def test_a_bucket_that_cannot_be_written_is_told_without_a_secret(
    server: int, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    credentials(monkeypatch, server if "no-such" in address else 1)

    with pytest.raises(TargetUnusable) as told, Target(address).writing("manifest.json") as file:
        file.write(b"{}")

    assert SECRET not in str(told.value)
    assert address in str(told.value)
    assert "\n" not in str(told.value)
