"""The PostgreSQL of the tests: a server for all, databases apart, and servers that can be hurt."""

import asyncio
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from tests.postgresql.databases import Databases
from tests.postgresql.lifetime import ended, until
from tests.postgresql.server import Stop, private_server


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_the_server_is_postgresql_18_and_durable(postgresql_url: str) -> None:
    version = await ask(postgresql_url, "SHOW server_version")
    durable = [await ask(postgresql_url, f"SHOW {n}") for n in ("fsync", "synchronous_commit")]

    assert str(version).startswith("18.")
    assert durable == ["on", "on"]


async def test_it_listens_where_its_address_says(postgresql_url: str) -> None:
    parts = urlsplit(postgresql_url)

    assert parts.scheme == "postgresql"
    assert parts.hostname == "127.0.0.1"
    assert parts.username
    assert parts.password


async def test_nobody_gets_in_without_the_password(postgresql_url: str) -> None:
    password = urlsplit(postgresql_url).password or ""

    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgresql_url.replace(password, "another"), "SELECT 1")


async def test_two_databases_are_apart(postgresql: Databases) -> None:
    async with postgresql.database() as one, postgresql.database() as other:
        await ask(one, "CREATE TABLE only_here ()")

        assert await ask(one, "SELECT to_regclass('only_here')::text") == "only_here"
        assert await ask(other, "SELECT to_regclass('only_here')::text") is None


async def test_a_database_goes_with_the_test_whoever_is_connected(postgresql: Databases) -> None:
    async with postgresql.database() as url:
        connection = await asyncpg.connect(url)

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.execute("SELECT 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ask(url, "SELECT 1")


async def test_a_template_is_prepared_once_however_many_ask(postgresql: Databases) -> None:
    filled: list[str] = []

    async def fill(url: str) -> None:
        await ask(url, "CREATE TABLE prepared (n integer)")
        await ask(url, "INSERT INTO prepared VALUES (7)")
        filled.append(url)

    await asyncio.gather(*(postgresql.prepare("once", fill) for _ in range(3)))
    before = len(filled)
    await postgresql.prepare("once", fill)

    assert len(filled) == before
    async with postgresql.database(template="once") as url:
        assert await ask(url, "SELECT n FROM prepared") == 7


async def test_a_killed_server_comes_back_with_what_was_committed() -> None:
    with private_server() as server:
        await ask(server.url(), "CREATE TABLE kept (n integer)")
        await ask(server.url(), "INSERT INTO kept VALUES (7)")
        url, pid = server.url(), server.pid

        server.kill()
        with pytest.raises(ConnectionRefusedError):
            await ask(url, "SELECT 1")
        server.start()

        assert server.pid != pid
        assert server.url() == url
        assert await ask(url, "SELECT n FROM kept") == 7


@pytest.mark.parametrize("how", Stop)
async def test_a_stopped_server_starts_again(how: Stop) -> None:
    with private_server() as server:
        server.stop(how)
        assert ended_by_pid(server.pid)
        server.start()

        assert await ask(server.url(), "SELECT 1") == 1


async def test_a_frozen_server_answers_after_it_is_thawed() -> None:
    with private_server() as server:
        connection = await asyncpg.connect(server.url())
        server.freeze()
        answer = asyncio.create_task(connection.fetchval("SELECT 1"))
        await asyncio.sleep(0.1)
        assert not answer.done()
        server.thaw()

        assert await answer == 1
        await connection.close()


async def test_a_frozen_server_can_be_killed() -> None:
    with private_server() as server:
        connection = await asyncpg.connect(server.url())
        server.freeze()
        server.kill()
        server.start()

        assert await ask(server.url(), "SELECT 1") == 1
        connection.terminate()


async def test_settings_are_those_that_were_asked_for() -> None:
    with private_server(lock_timeout="1234ms") as server:
        assert await ask(server.url(), "SHOW lock_timeout") == "1234ms"


def test_a_server_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="no_such_setting"),
        private_server(no_such_setting="on"),
    ):
        pass


def test_nothing_is_left_when_a_server_is_no_longer_wanted() -> None:
    with private_server() as server:
        family = psutil.Process(server.pid)
        processes = [family, *family.children()]
        folder = server.log.parent
        assert folder.exists()

    assert len(processes) > 3
    assert all(map(ended, processes))
    assert not folder.exists()


def test_a_frozen_server_too_is_ended() -> None:
    with private_server() as server:
        server.freeze()
        pid = server.pid

    assert ended_by_pid(pid)


def test_children_that_lost_their_postmaster_are_ended() -> None:
    with private_server() as server:
        postmaster = psutil.Process(server.pid)
        children = postmaster.children()
        server.freeze()
        postmaster.kill()

    assert children
    assert all(map(ended, children))


def test_a_killed_server_leaves_no_shared_memory() -> None:
    with private_server() as server:
        pid_file = server.log.with_name("data") / "postmaster.pid"
        identifier = pid_file.read_text().split("\n")[6].split()[1]
        server.kill()
        assert identifier in shared_memory()

    assert identifier not in shared_memory()


def test_nothing_is_left_when_whoever_wanted_the_server_is_killed() -> None:
    program = (
        "from tests.postgresql.server import private_server\n"
        "with private_server() as server:\n"
        "    print(server.pid, server.log.parent, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as wanting:
        assert wanting.stdout
        pid, folder = wanting.stdout.readline().split()
        postmaster = psutil.Process(int(pid))
        processes = [postmaster, *postmaster.children()]
        wanting.kill()

    until(lambda: not Path(folder).exists(), "the watcher to end the server")
    assert all(map(ended, processes))


def ended_by_pid(pid: int) -> bool:
    return not psutil.pid_exists(pid) or ended(psutil.Process(pid))


def shared_memory() -> set[str]:
    """Return the identifiers of all segments of System V memory."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    return {line.split()[1] for line in lines}
