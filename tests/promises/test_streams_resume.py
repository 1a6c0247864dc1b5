"""Who follows loses nothing and gets nothing twice, however often the network breaks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic_core import to_json

from eventstore.catalog import Catalog
from eventstore.store import Store
from eventstore.tokens import Tokens
from tests import samples
from tests.engines import on_postgresql, postgresql_takes_long
from tests.promises.process import ServerProcess, running
from tests.promises.server import NOW, SLUG, Registered, register
from tests.promises.streams import last_id, messages

PATIENCE: Final = 60
EVENTS: Final = 150


@asynccontextmanager
async def breaking(url: str, lives: Random) -> AsyncIterator[str]:
    """A network that passes some bytes of an answer on, and then breaks; give its address."""
    address = urlsplit(url)

    links: set[asyncio.Task[None]] = set()

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.add(cast(asyncio.Task[None], asyncio.current_task()))
        server_reader, server = await asyncio.open_connection(address.hostname, address.port)
        server.write(await reader.readuntil(b"\r\n\r\n"))
        life = lives.randrange(300, 6_000)
        try:
            while life > 0 and (some := await server_reader.read(life)):
                writer.write(some)
                await writer.drain()
                life -= len(some)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the follower left, or the test is over
        finally:
            server.transport.abort()
            writer.transport.abort()

    network = await asyncio.start_server(link, "127.0.0.1", 0)
    host, port = network.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        network.close()
        for each in links:
            each.cancel()
        await asyncio.gather(*links, return_exceptions=True)


class Follower:
    """A client that comes back whenever it is cut off, as a browser does."""

    def __init__(self, token: str, path: str) -> None:
        self.path = path
        self.told: list[tuple[int, Any]] = []
        self.cuts = 0
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._last: str | None = None

    async def follow(self, urls: list[str], *, upto: int) -> None:
        """Follow until a position was told; each time that it is cut off, from another address."""
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE) as client:
            while not self.told or self.told[-1][0] < upto:
                resumed = {"Last-Event-ID": self._last} if self._last else {}
                url = f"{urls[self.cuts % len(urls)]}/v1/portals/{SLUG}{self.path}"
                body = b""
                with suppress(httpx.TransportError):
                    async with client.stream(
                        "GET", url, headers={**self._headers, **resumed}
                    ) as answer:
                        assert answer.status_code == 200
                        async for some in answer.aiter_raw():
                            body += some
                            if any(position >= upto for position, _ in messages(body)):
                                break
                self.told += messages(body)
                self._last = last_id(body) or self._last
                self.cuts += 1


async def registered_with_reader(store: Store) -> tuple[Registered, str]:
    registered = await register(store)
    catalog = await Catalog.open(store)
    try:
        scopes = ("messages:read", "events:read")
        _, token = await Tokens(catalog).create(portals=[SLUG], scopes=scopes, now=NOW)
    finally:
        await catalog.close()
    return registered, token


async def send(url: str, registered: Registered, begin: int = 0) -> None:
    """Tell of one message and of many edits of it, one after another."""
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        for number in range(begin, begin + EVENTS):
            item = samples.tree("im_v2/onimv2messageupdate.json") | {"eventId": 800_000 + number}
            item["data"]["message"] |= {"id": 190450, "text": f"text {number}"}
            item["date"] = (
                f"2026-09-15T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}+03:00"
            )
            answer = await client.post(
                f"{url}/v1/portals/{SLUG}/events",
                params={"receiver": "user:58"},
                content=to_json(item),
                headers={"Authorization": f"Bearer {registered.token}"},
            )
            assert answer.status_code == 200


async def listed(url: str, token: str, path: str) -> list[int]:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        answer = await client.get(
            f"{url}/v1/portals/{SLUG}{path}",
            params={"limit": 500, "min_position": EVENTS},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 200, answer.text
    return list(dict.fromkeys(each["position"] for each in answer.json()["data"]))


@pytest.mark.parametrize("path", ["/changes", pytest.param("/events", marks=pytest.mark.long)])
async def test_over_a_network_that_breaks_all_is_told_once(
    fresh: Store, tmp_path: Path, path: str
) -> None:
    registered, token = await registered_with_reader(fresh)
    follower = Follower(token, path)

    with running(fresh, tmp_path / "log") as server:
        async with breaking(server.url, Random(5)) as network, asyncio.TaskGroup() as tasks:  # noqa: S311 - the same again
            tasks.create_task(send(server.url, registered))
            tasks.create_task(follower.follow([network], upto=EVENTS))
        told = await listed(server.url, token, path)

    assert follower.cuts > 3
    assert [position for position, _ in follower.told] == told
    assert len(told) >= EVENTS - 1  # the first of all edits may be the first that was seen


@postgresql_takes_long
async def test_a_server_that_is_stopped_ends_streams_and_who_comes_back_goes_on(
    fresh: Store, tmp_path: Path
) -> None:
    registered, token = await registered_with_reader(fresh)
    follower = Follower(token, "/events")
    first = ServerProcess(fresh, tmp_path / "log")

    following = asyncio.create_task(follower.follow([first.url], upto=EVENTS))
    await send(first.url, registered)
    await following
    again = asyncio.create_task(follower.follow([first.url], upto=2 * EVENTS))
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    status = await asyncio.to_thread(first.stop)
    took = time.monotonic() - begun
    again.cancel()
    with running(fresh, tmp_path / "log") as second:
        await asyncio.gather(
            send(second.url, registered, EVENTS), follower.follow([second.url], upto=2 * EVENTS)
        )

    assert (status, took < 5) == (0, True)
    assert [position for position, _ in follower.told] == list(range(1, 2 * EVENTS + 1))


@on_postgresql
@pytest.mark.parametrize("path", ["/changes", pytest.param("/events", marks=pytest.mark.long)])
async def test_another_server_tells_what_one_took_in(
    fresh: Store, tmp_path: Path, path: str
) -> None:
    """Only a database server can have several: one projects, and one only looks."""
    registered, token = await registered_with_reader(fresh)
    follower = Follower(token, path)

    spool = {"CHRONICLE_SPOOL": str(tmp_path / "other spool"), "CHRONICLE_PROJECT": "false"}
    with (
        running(fresh, tmp_path / "log") as one,
        running(fresh, tmp_path / "other log", **spool) as other,
    ):
        async with (
            breaking(one.url, Random(6)) as first,  # noqa: S311 - the same again
            breaking(other.url, Random(7)) as second,  # noqa: S311 - the same again
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(send(one.url, registered))
            tasks.create_task(follower.follow([second, first], upto=EVENTS))
        told = await listed(other.url, token, path)

    assert follower.cuts > 3
    assert [position for position, _ in follower.told] == told
