"""Promise 2 on PostgreSQL: while the database is away, the spool keeps what comes, and gives it on.

SQLite has no such test: there the log is a file of the server's own machine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventstore.errors import LogBehind, StoreUnavailable, WrongSecretKey
from eventstore.postgres_store import PostgresStore
from eventstore.quarantine import Quarantine
from tests.engines import query
from tests.portal.payloads import form
from tests.postgresql.databases import Databases
from tests.postgresql.server import PostgresServer, Stop, private_server
from tests.promises.server import (
    APPLICATION_TOKEN,
    JSON,
    MEMBER_ID,
    Registered,
    Served,
    register,
    serving_again,
)

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("spool")]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that the tests may stop."""
    with private_server() as server:
        yield server


@pytest.fixture
async def registered(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Registered]:
    async with Databases(server.url()).database() as url:
        yield await register(PostgresStore(url, tmp_path / "secret.key"))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def said(text: str) -> bytes:
    """A webhook that says something."""
    return form(
        {
            "event": "ONIMBOTMESSAGEADD",
            "data": {"PARAMS": {"MESSAGE": text}},
            "auth": {"application_token": APPLICATION_TOKEN, "member_id": MEMBER_ID},
        }
    )


async def hook(served: Served, text: str) -> Any:
    answer = await served.hook(said(text))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - what is asked tells nobody
            await asyncio.sleep(0.05)


async def test_what_comes_while_the_database_is_away_goes_to_the_log_in_order(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        assert await hook(served, "before") == {"position": 1}

        server.stop(Stop.IMMEDIATE)
        try:
            for number in range(5):
                answer = await hook(served, f"away {number}")
                assert answer == {"position": None, "spooled": True}
            ready = (await served.client.get("/readyz")).json()
            page = (await served.client.get("/metrics")).text
        finally:
            server.start()
        assert served.state.spooling is not None
        depth = served.state.spooling.spool.depth
        await eventually(lambda: not depth().events)
        await eventually(lambda: not served.state.spooling.intake.away)  # type: ignore[union-attr]

        assert await hook(served, "after") == {"position": 7}
        texts = await query(registered.store.log, "SELECT payload FROM event ORDER BY position")
        order = ["before", *(f"away {number}" for number in range(5)), "after"]
        assert all(text in payload for text, (payload,) in zip(order, texts, strict=True))
        assert ready["status"] == "spooling"
        assert ready["spool"]["events"] == 5
        assert 'chronicle_spool_events{portal="acme"} 5.0' in page
        assert "chronicle_log_away 1.0" in page


async def test_a_batch_is_spooled_too(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        server.stop(Stop.IMMEDIATE)
        try:
            answer = await served.feed(b'{"event": "ONX", "data": {}, "ts": "1789000000"}')
        finally:
            server.start()

        assert answer.json()["results"] == [{"outcome": "spooled", "position": None}]


async def test_a_body_that_nobody_can_read_waits_for_its_quarantine(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        server.stop(Stop.IMMEDIATE)
        try:
            answer = await served.hook(b'{"cut": "off at \xff', JSON)
        finally:
            server.start()
        assert answer.status_code == 400
        assert answer.json()["quarantine"] is None
        assert "as soon as the database is back" in answer.json()["detail"]
        (waiting,) = (spool / "unread").iterdir()
        assert b"cut" not in waiting.read_bytes()

        await eventually(lambda: not list((spool / "unread").iterdir()))

        assert await Quarantine(served.state.catalog).body(1, 1) == b'{"cut": "off at \xff'


async def test_a_server_starts_from_its_spool_alone(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        await hook(served, "one")
    server.stop(Stop.FAST)
    try:
        async with serving_again(registered, spool=spool) as served:
            assert (await hook(served, "two"))["spooled"]
            refused: httpx.Response = await served.client.post("/v1/hooks/unknown", content=b"a=1")
            assert refused.status_code in (404, 503)
    finally:
        server.start()

    async with serving_again(registered, spool=spool) as served:
        await eventually(lambda: served.state.heads.get(1) == 2)


async def test_without_a_copy_of_the_catalog_a_server_says_that_the_database_is_away(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    server.stop(Stop.FAST)
    try:
        with pytest.raises(StoreUnavailable):
            async with serving_again(registered, spool=spool):
                """It does not come to that."""
    finally:
        server.start()


async def test_a_log_that_was_restored_to_an_earlier_point_is_noticed(
    server: PostgresServer, registered: Registered, spool: Path, tmp_path: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        await hook(served, "one")
    async with Databases(server.url()).database() as url:
        restored = await register(PostgresStore(url, tmp_path / "secret.key"))

        with pytest.raises(LogBehind, match=r"seen position 1 of portal 1, the log ends at 0"):
            async with serving_again(restored, spool=spool):
                """It does not come to that."""


async def test_a_spool_that_is_full_says_so(
    server: PostgresServer, registered: Registered, spool: Path
) -> None:
    async with serving_again(registered, spool=spool, spool_max=2**20) as served:
        server.stop(Stop.IMMEDIATE)
        try:
            while True:
                answer = await served.hook(said("x" * 200_000))
                if answer.status_code != 200:
                    break
        finally:
            server.start()

        assert answer.status_code == 503
        assert answer.json()["code"] == "spool_full"


async def test_the_key_of_another_installation_opens_no_spool(
    registered: Registered, spool: Path, tmp_path: Path
) -> None:
    async with serving_again(registered, spool=spool) as served:
        await hook(served, "one")
    registered.store.secret_key.write_text(f"1 {'0' * 64}\n")

    with pytest.raises(WrongSecretKey):
        async with serving_again(registered, spool=spool):
            """It does not come to that."""
