"""The lock: one writer, and where it listens.

It is a lock on a file, so all this is about SQLite: on PostgreSQL anyone may write.
"""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eventstore.errors import StoreInUse
from eventstore.lock import ServerAddress, find_server, hold


def test_two_cannot_hold_it(tmp_path: Path) -> None:
    with hold(tmp_path / "lock"), pytest.raises(StoreInUse), hold(tmp_path / "lock"):
        pass


def test_who_only_looks_for_a_server_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            find_server(path)

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(200):
        with hold(path):
            pass
    stop.set()
    looking.join()


def test_the_holder_says_where_it_listens(tmp_path: Path) -> None:
    path, address = tmp_path / "lock", ServerAddress("http://127.0.0.1:1", "key")

    assert find_server(path) is None
    with hold(path) as lock:
        assert find_server(path) is None
        lock.announce(address)
        assert find_server(path) == address
    assert find_server(path) is None


def test_only_the_owner_reads_the_run_key(tmp_path: Path) -> None:
    with hold(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600

    assert "secret" not in repr(ServerAddress("http://127.0.0.1:1", "secret"))


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from eventstore.lock import *\n"
        "with hold(Path(sys.argv[1])) as lock:\n"
        "    lock.announce(ServerAddress('http://127.0.0.1:1', 'key')); print('held', flush=True)\n"
        "    time.sleep(60)"
    )
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.kill()
        child.wait()

    assert find_server(path) is None
    with hold(path):
        pass
