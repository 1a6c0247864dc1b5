"""Bodies that mean harm cost little, are answered 4xx, and lose nothing that was authenticated."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic_core import from_json

from eventstore.database import Place
from eventstore.folder import Folder
from eventstore.quarantine import Quarantine
from tests import samples
from tests.engines import query
from tests.faults.tallies import Tally
from tests.promises.conftest import Copied
from tests.promises.process import running
from tests.promises.server import (
    APPLICATION_TOKEN,
    FORM,
    JSON,
    Registered,
    Served,
    serving_again,
)

BOUND: Final = 20.0
"""Seconds: what takes longer is no slow machine but a bomb that went off."""
KEYED: Final = b"event=ONIMBOTMESSAGEADD&auth[application_token]=" + APPLICATION_TOKEN.encode()
ITEM: Final = samples.sample("im_v2/onimv2messageadd.json")
MESSAGE_ID: Final = b'"id": 190411'
EVENT_ID: Final = b'"eventId": 700103'

UNREADABLE: Final = {
    "a hundred thousand keys": b"&".join(b"k%d=v" % n for n in range(100_000)),
    "a hundred thousand brackets": KEYED + b"&a" + b"[b]" * 100_000 + b"=c",
    "brackets that append": b"&".join([KEYED, *[b"a[][]=c"] * 50_000]),
    "JSON a hundred thousand deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "arrays a hundred thousand deep": b"[" * 100_000,
    "JSON in JSON, deep": b'{"event":"X","a":"' + b"[" * 50 + b'"}' + b"]",
    "a number of a hundred thousand digits": b'{"event":"X","ts":' + b"9" * 100_000 + b"}",
    "a number beyond all bounds": b'{"event":"X","ts":1e999}',
    "not a number": b'{"event":"X","ts":NaN}',
    "bad UTF-8 in a form": KEYED + b"&data[USER][NAME]=\xff\xfe",
    "bad escapes in a form": KEYED + b"&data[USER][NAME]=%ff%fe",
    "bad UTF-8 in JSON": b'{"event":"X\xff"}',
    "a lone surrogate": b'{"event":"X","data":{"text":"\\ud800"}}',
    "a lone surrogate as a key": b'{"event":"X","data":{"\\udfff":"text"}}',
    "NUL in the event's type": b'{"event":"X\\u0000"}',
    "keys that collide": KEYED + b"&data[a]=1&data[a]=2",
    "a map where there is a value": KEYED + b"&data=1&data[a]=2",
    "half of a body": samples.sample("legacy/onimbotmessageadd.json")[:700],
    "nothing at all": b"",
    "blanks": b" \r\n\t",
    "an array": b'[{"event":"X"}]',
    "no event": b"a=b",
}
"""Under a valid ingest key, but nobody can read it."""

UNDECODABLE: Final = {
    "2^64 as a message's id": (MESSAGE_ID, b'"id": 18446744073709551616'),
    "2^63 as a message's id": (MESSAGE_ID, b'"id": 9223372036854775808'),
    "four thousand digits as a message's id": (MESSAGE_ID, b'"id": ' + b"9" * 4_000),
    "a negative message's id": (MESSAGE_ID, b'"id": -1'),
    "a fraction as a message's id": (MESSAGE_ID, b'"id": 1.5'),
    "no message": (b'"message"', b'"massage"'),
    "text that is a map": (b'"text": "', b'"text": {}, "was": "'),
}
"""Readable and kept, but no fact that a read model can hold."""


@pytest.fixture(scope="module")
async def server(
    with_portal: Copied, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A server that is soon tired of waiting for a body."""
    async with (
        with_portal(tmp_path_factory.mktemp("hostile")) as registered,
        serving_again(registered, body_deadline=0.2) as server,
    ):
        yield server


@pytest.fixture(autouse=True)
def counted(server: Served) -> Iterator[None]:
    """Each of them is a fault, for the report of faults."""
    tally = Tally("bombs", "sqlite" if isinstance(server.store, Folder) else "postgresql")
    tally.ran(acknowledged=0)
    yield
    tally.write()


@pytest.fixture
async def served(server: Served) -> Served:
    """That server, as a portal knows it that nobody has sent anything to."""
    return await server.another()


async def rows_of(served: Served, place: Place, columns: str, table: str) -> list[Any]:
    """Give what a table has of this portal."""
    said = f"SELECT {columns} FROM {table} WHERE portal_id = {served.portal.id} ORDER BY 1"  # noqa: S608
    return await query(place, said)


async def sealed(served: Served) -> list[bytes]:
    """Open all that is in quarantine."""
    quarantine = Quarantine(served.state.catalog)
    numbers = await rows_of(served, served.store.catalog, "number", "quarantined")
    return [await quarantine.body(served.portal.id, number) for (number,) in numbers]


async def appended(served: Served) -> int:
    return len(await rows_of(served, served.store.log, "position", "event"))


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_nobody_can_read_is_sealed_byte_for_byte(served: Served, body: bytes) -> None:
    # a body without a token proves nothing, so for once the portal asks for none
    await served.state.catalog.remove_application_token(served.slug, APPLICATION_TOKEN)
    await served.state.refresh()
    began = time.monotonic()

    answer = await served.hook(body)

    assert time.monotonic() - began < BOUND
    assert answer.status_code == 400
    assert answer.json()["code"] == "unreadable_body"
    assert answer.json()["quarantine"] == 1
    assert await sealed(served) == [body]
    assert await appended(served) == 0


@pytest.mark.parametrize(("old", "new"), UNDECODABLE.values(), ids=UNDECODABLE)
async def test_what_no_fact_can_hold_is_kept_and_says_why(
    served: Served, old: bytes, new: bytes
) -> None:
    answer = await served.feed(ITEM.replace(old, new, 1))
    await served.state.live.catch_up()

    assert answer.json()["results"] == [{"outcome": "appended", "position": 1}]
    ((position, reason),) = await rows_of(
        served, served.generation, "position, reason", "undecoded"
    )
    assert position == 1
    assert reason.startswith("data.")
    assert "99999" not in reason


@pytest.mark.parametrize(
    "event_id", [b"18446744073709551616", b"-1", b"1.5", b"true", b"null", b"[]", b'"7x"']
)
async def test_an_event_id_that_is_none_is_no_item(served: Served, event_id: bytes) -> None:
    body = ITEM.replace(EVENT_ID, b'"eventId": ' + event_id)

    answer = await served.feed(body)

    assert answer.status_code == 400
    assert await sealed(served) == [body]


async def test_nul_in_a_text_is_kept_as_it_was_sent_and_shown_as_a_replacement(
    served: Served,
) -> None:
    await served.feed(ITEM.replace(b"please log", b"please\\u0000log"))
    await served.state.live.catch_up()

    ((payload,),) = await rows_of(served, served.store.log, "payload", "event")
    ((text,),) = await rows_of(served, served.generation, "text", "message")
    assert "please\0log" in from_json(payload)["data"]["message"]["text"]
    assert "please\ufffdlog" in text


@pytest.mark.parametrize("kind", [FORM, JSON])
async def test_ten_megabytes_are_too_much(served: Served, kind: str) -> None:
    began = time.monotonic()

    answer = await served.hook(b"k" * 10_000_000, kind)

    assert time.monotonic() - began < BOUND
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    assert await sealed(served) == []


async def test_a_body_of_untold_length_is_cut_off_at_the_bound(served: Served) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**16
            yield b"k" * 2**16

    answer = await served.client.post(f"/v1/hooks/{served.ingest_key}", content=endless())

    assert answer.status_code == 413
    assert sent <= served.state.settings.max_body + 2 * 2**16


async def test_a_slow_body_is_given_up(served: Served) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for part in (b"event=", b"X", b"&ts=", b"1"):
            yield part
            await asyncio.sleep(0.15)

    answer = await served.client.post(f"/v1/hooks/{served.ingest_key}", content=slow())

    assert answer.status_code == 408
    assert answer.json()["code"] == "body_timeout"
    assert await appended(served) == 0
    assert await sealed(served) == []


async def test_keys_that_hash_alike_cost_no_more_than_others(served: Served) -> None:
    """Were a key ever read as a number, multiples of 2^61 - 1 would all fall into one slot."""
    alike = _with_keys(n * (2**61 - 1) for n in range(9_000))
    began = time.monotonic()

    for body in alike:
        answer = await served.hook(body)
        assert answer.status_code == 200
    await served.state.live.catch_up()

    assert time.monotonic() - began < BOUND


def _with_keys(keys: Iterable[int]) -> list[bytes]:
    fields = [(b"data[%d]=v" % key, b'"%d":"v"' % key) for key in keys]
    token = APPLICATION_TOKEN.encode()
    return [
        b"&".join([KEYED, *(field for field, _ in fields)]),
        b'{"event":"X","auth":{"application_token":"%b"},"data":{%b}}'
        % (token, b",".join(member for _, member in fields)),
    ]


@pytest.mark.parametrize("name", ["two forms", "a mention in a text", "a URL", "JSON in a text"])
async def test_texts_made_to_make_patterns_backtrack_do_not(served: Served, name: str) -> None:
    text = {
        "two forms": "%41" * 200_000,
        "a mention in a text": "[USER=" * 200_000,
        "a URL": "https://x/?" + "a[" * 300_000,
        "JSON in a text": '{"a":' * 200_000,
    }[name]
    body = KEYED + b"&data[PARAMS][MESSAGE_ID]=1&data[PARAMS][MESSAGE]=" + text.encode()
    began = time.monotonic()

    answer = await served.hook(body + b"&data[chat][entityData1]=" + text.encode()[:500_000])
    await served.state.live.catch_up()

    assert time.monotonic() - began < BOUND
    assert answer.status_code in (200, 400)
    assert await appended(served) + len(await sealed(served)) == 1


RAW: Final = {
    "a length that is none": b"Content-Length: x\r\n\r\na=b",
    "a negative length": b"Content-Length: -1\r\n\r\na=b",
    "a length of five thousand digits": b"Content-Length: " + b"1" * 5_000 + b"\r\n\r\na=b",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b=",
    "a length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "half a body, and silence": b"Content-Length: 100\r\n\r\nevent=",
}
"""The rest of a request to the hooks, behind its first lines."""


async def test_requests_that_are_none_are_refused_and_the_server_goes_on(
    registered: Registered, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"

    answers, alive = await asyncio.to_thread(_sent_to_a_server, registered, log)

    assert {name: answer[:10] for name, answer in answers.items()} == dict.fromkeys(
        RAW, b"HTTP/1.1 4"
    )
    assert alive.status_code == 200
    assert b"Traceback" not in log.read_bytes()
    assert await query(registered.store.log, "SELECT count(*) FROM event") == [(0,)]


def _sent_to_a_server(registered: Registered, log: Path) -> tuple[dict[str, bytes], httpx.Response]:
    """Give what a server says to each of RAW, and whether it is still ready afterwards."""
    path = f"/v1/hooks/{registered.ingest_key}"
    with running(registered.store, log, CHRONICLE_BODY_DEADLINE="0.2") as server:
        answers = {name: _send_raw(server.url, path, rest) for name, rest in RAW.items()}
        _send_raw(server.url, path, RAW["half a body, and silence"], wait=False)
        return answers, httpx.get(f"{server.url}/readyz")


def _send_raw(url: str, path: str, rest: bytes, *, wait: bool = True) -> bytes:
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), BOUND) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: chronicle\r\n".encode() + rest)
        return connection.recv(4096) if wait else b""
