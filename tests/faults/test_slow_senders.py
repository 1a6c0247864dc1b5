"""A sender that never ends its request is cut off at its deadline, and costs the others nothing."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from eventstore.folder import Folder
from tests.engines import query
from tests.faults.senders import BODY, End, Hook, Slow, ask, send_slowly
from tests.faults.tallies import Tally
from tests.promises.process import ServerProcess, running
from tests.promises.server import Registered, register

pytestmark = [
    pytest.mark.fault("slow senders"),
    pytest.mark.xdist_group("slow senders"),  # they wait for the same end
]

DEADLINE: Final = 2.0
NOT_LONG_BEFORE: Final = 0.9 * DEADLINE
PATIENCE: Final = 8 * DEADLINE
"""Seconds after which a sender that is still there was not cut off."""

HALF: Final = BODY[: len(BODY) // 2]
SENDERS: Final = 200
OTHERS: Final = 4
REQUESTS: Final = 60
"""What each of the others asks."""

TOO_MUCH: Final = 2**24
DESCRIPTORS: Final = 128


def slow_senders(hook: Hook) -> Mapping[str, Slow]:
    """Give one of each kind. Nobody has a hook of that name."""
    half_a_header = hook.request()[:60]
    long_header = hook.request().partition(b"\r\n\r\n")[0] + b"\r\nX-Filler: "
    nobody = replace(hook, key="nobody")
    return {
        "silence": Slow(b""),
        "half a header": Slow(half_a_header),
        "a header byte by byte": Slow(long_header, b"a"),
        "half a header on a used connection": Slow(half_a_header, used=True),
        "a header byte by byte on a used connection": Slow(long_header, b"a", used=True),
        "blank lines on a used connection": Slow(b"", b"\r\n", used=True),
        "half a header behind a request": Slow(hook.request() + half_a_header),
        "half a body": Slow(hook.request(HALF, length=len(BODY))),
        "a body byte by byte": Slow(hook.request(HALF, length=9_999), b"a"),
        "half a body for nobody": Slow(nobody.request(HALF, length=len(BODY))),
        "a body for nobody byte by byte": Slow(nobody.request(HALF, length=9_999), b"a"),
    }


@pytest.fixture(autouse=True)
def counted(tally: Tally) -> None:
    """Each of them is one."""
    tally.ran(acknowledged=0)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    return asyncio.run(register(Folder(tmp_path_factory.mktemp("slow") / "data")))


@pytest.fixture(scope="module")
def hook(registered: Registered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    """The hook of a server in a process of its own."""
    log = tmp_path_factory.mktemp("slow") / "server.log"
    with running(registered.store, log, CHRONICLE_BODY_DEADLINE=str(DEADLINE)) as server:
        yield hook_of(server, registered)


@pytest.fixture(scope="module")
def ends(hook: Hook) -> Mapping[str, End]:
    """How each kind of slow sender ended; all were there at once."""

    async def gather() -> Mapping[str, End]:
        slow = slow_senders(hook)
        found = await asyncio.gather(*(send_slowly(hook, one, PATIENCE) for one in slow.values()))
        return dict(zip(slow, found, strict=True))

    return asyncio.run(gather())


def hook_of(server: ServerProcess, registered: Registered) -> Hook:
    return Hook(urlsplit(server.url).port or 0, registered.ingest_key)


@pytest.mark.parametrize(
    "kind",
    [
        "silence",
        "half a header",
        "a header byte by byte",
        "half a header on a used connection",
        "a header byte by byte on a used connection",
        "blank lines on a used connection",
    ],
)
def test_a_header_is_cut_off_at_its_deadline(ends: Mapping[str, End], kind: str) -> None:
    assert ends[kind].answer == b""
    assert NOT_LONG_BEFORE < ends[kind].seconds < PATIENCE


@pytest.mark.parametrize("kind", ["half a body", "a body byte by byte"])
def test_a_body_is_answered_408_and_cut_off(ends: Mapping[str, End], kind: str) -> None:
    assert ends[kind].answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in ends[kind].answer
    assert NOT_LONG_BEFORE < ends[kind].seconds < PATIENCE


@pytest.mark.parametrize(
    "kind",
    ["half a header behind a request", "half a body for nobody", "a body for nobody byte by byte"],
)
def test_what_is_left_behind_an_answer_is_cut_off_too(ends: Mapping[str, End], kind: str) -> None:
    assert ends[kind].answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 404 "))
    assert NOT_LONG_BEFORE < ends[kind].seconds < PATIENCE


async def test_a_slow_request_that_is_in_time_is_answered(hook: Hook) -> None:
    """A header and a body have a deadline each: together they may take longer than one."""
    header, end, body = hook.request().partition(b"\r\n\r\n")
    pieces = [header[:20], header[20:] + end, body[:20], body[20:]]

    async with hook.connected() as stream:
        answer = await ask(stream, *pieces, pause=0.4 * DEADLINE)

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_connection_that_is_idle_between_requests_stays(hook: Hook) -> None:
    async with hook.connected() as stream:
        before = await ask(stream, hook.request())
        await asyncio.sleep(1.5 * DEADLINE)
        after = await ask(stream, hook.request())

    assert before.startswith(b"HTTP/1.1 200 ")
    assert after.startswith(b"HTTP/1.1 200 ")


async def test_two_hundred_slow_senders_do_not_slow_the_others(
    hook: Hook, registered: Registered
) -> None:
    already = await appended(registered)

    without = p99(await others(hook))
    async with crowded(hook):
        beside = p99(await others(hook))

    # Both bounds are far off, so that a busy machine cannot reach them: requests that wait for
    # slow senders, one after another, wait for whole deadlines.
    assert beside < max(20 * without, DEADLINE / 2)
    assert await appended(registered) == already + 2 * OTHERS * REQUESTS


@asynccontextmanager
async def crowded(hook: Hook) -> AsyncIterator[None]:
    """Keep 200 slow senders there, who bring no whole request; each that is cut off comes again."""
    whole = hook.request()
    kinds = [slow for slow in slow_senders(hook).values() if not slow.used]
    kinds = [slow for slow in kinds if whole not in slow.start]

    async def come_again(slow: Slow) -> None:
        while True:
            await send_slowly(hook, slow, PATIENCE)

    async with asyncio.TaskGroup() as tasks:
        senders = [tasks.create_task(come_again(kinds[n % len(kinds)])) for n in range(SENDERS)]
        await asyncio.sleep(DEADLINE / 4)  # for all of them to come
        yield
        for sender in senders:
            sender.cancel()


async def others(hook: Hook) -> list[float]:
    """Ask as portals do, each request on a new connection; give the seconds that each took."""
    took: list[float] = []

    async def keep_asking() -> None:
        for _ in range(REQUESTS):
            began = time.monotonic()
            async with asyncio.timeout(PATIENCE), hook.connected() as stream:
                answer = await ask(stream, hook.request())
            took.append(time.monotonic() - began)
            assert answer.startswith(b"HTTP/1.1 200 ")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(OTHERS):
            tasks.create_task(keep_asking())
    return took


def p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


async def appended(registered: Registered) -> int:
    ((count,),) = await query(registered.store.log, "SELECT count(*) FROM event")
    return int(count)


async def test_a_large_body_is_not_taken_for_a_header(hook: Hook) -> None:
    async with hook.connected() as stream:
        answer = await ask(stream, hook.request(BODY + b"&filler=" + b"a" * 2**20))

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "start",
    [b"\r\nX-Filler: ", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Filler: "],
    ids=["of a header", "of trailers"],
)
async def test_lines_without_end_are_cut_off_before_they_fill_the_memory(
    hook: Hook, start: bytes
) -> None:
    first_line, _, _ = hook.request().partition(b"\r\n")
    sent = 0

    async with hook.connected() as (_, writer):
        writer.write(first_line + start)
        with suppress(ConnectionError):
            while sent < TOO_MUCH:
                writer.write(b"a" * 2**16)
                await writer.drain()
                sent += 2**16

    assert sent < TOO_MUCH


def test_more_connections_than_descriptors_cost_only_those_without_a_request(
    tmp_path: Path,
) -> None:
    registered = asyncio.run(register(Folder(tmp_path / "data")))
    log = tmp_path / "server.log"

    async def crowd(hook: Hook) -> bytes:
        async with AsyncExitStack() as stack:
            for _ in range(2 * DESCRIPTORS):
                await stack.enter_async_context(hook.connected())
            return await ask(await stack.enter_async_context(hook.connected()), hook.request())

    with ExitStack() as stack:
        with few_descriptors():
            server = stack.enter_context(running(registered.store, log))
        answer = asyncio.run(crowd(hook_of(server, registered)))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert log.read_text().count("too many connections") == 1


@contextmanager
def few_descriptors() -> Iterator[None]:
    """Give the processes that are started meanwhile few descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
