"""Streams: what is new as it comes, from any place, to who may see it and as long as they may."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from pydantic_core import to_json

from eventstore.tokens import Tokens
from tests import samples
from tests.conftest import Reader
from tests.promises.server import NOW, SLUG
from tests.promises.streams import Stream, last_id, messages, streaming

CHANGES, EVENTS = f"/v1/portals/{SLUG}/changes", f"/v1/portals/{SLUG}/events"


def followed(reader: Reader, path: str, **asked: Any) -> AbstractAsyncContextManager[Stream]:
    token = reader.tokens[asked.pop("token", "everything")]
    return streaming(reader.served.app, path, token, **asked)


async def edit(reader: Reader, number: int) -> None:
    """Tell of one more edit of message 190450."""
    change = samples.tree("im_v2/onimv2messageupdate.json") | {"eventId": 799400 + number}
    change["data"]["message"] |= {"id": 190450, "text": f"text {number}"}
    change["date"] = f"2026-09-15T10:{number // 60:02}:{number % 60:02}+03:00"
    assert (await reader.served.feed(to_json(change))).status_code == 200
    await reader.served.state.live.catch_up()


@pytest.mark.parametrize("path", [CHANGES, EVENTS])
async def test_a_stream_begins_where_it_is_asked_to(reader: Reader, path: str) -> None:
    listed = (await reader.read(path.removeprefix(f"/v1/portals/{SLUG}")))["data"]
    positions = sorted({each["position"] for each in listed})
    middle = positions[len(positions) // 2]

    async with (
        followed(reader, path) as stream,
        followed(reader, f"{path}?after={middle}") as later,
    ):
        whole = await stream.messages(len(positions))
        rest = await later.messages(sum(each > middle for each in positions))

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "private, no-cache"
    assert [position for position, _ in whole] == positions
    assert rest == [(position, said) for position, said in whole if position > middle]


async def test_a_stream_says_what_the_list_says(reader: Reader) -> None:
    events = (await reader.read("/events"))["data"]
    changes = (await reader.read("/changes"))["data"]

    async with followed(reader, CHANGES) as of_changes, followed(reader, EVENTS) as of_events:
        said = await of_changes.messages(len({each["position"] for each in changes}))
        told = await of_events.messages(len(events))

    assert [change for _, each in said for change in each["changes"]] == changes
    assert all(each["position"] == position for position, each in said)
    assert [event for _, event in told] == events


async def test_what_comes_is_sent_as_it_comes(own_reader: Reader) -> None:
    head = (await own_reader.read("/changes"))["meta"]["head"]

    async with (
        followed(own_reader, f"{CHANGES}?after={head}") as of_changes,
        followed(own_reader, f"{EVENTS}?after={head}") as of_events,
    ):
        await of_changes.until(lambda: of_changes.body)
        assert not messages(of_changes.body)
        await edit(own_reader, 1)
        (position, said), *more = await of_changes.messages(1)
        told = await of_events.messages(1)

    assert (position, more) == (head + 1, [])
    assert [each["kind"] for each in said["changes"]] == ["edited"]
    assert [position for position, _ in told] == [head + 1]


async def test_of_a_stream_too_only_what_is_asked_for_is_sent(reader: Reader) -> None:
    listed = (await reader.read("/changes", kinds="deleted,joined", chat="2207"))["data"]

    async with followed(reader, f"{CHANGES}?kinds=deleted,joined&chat=2207") as stream:
        said = await stream.messages(len({each["position"] for each in listed}))

    assert [change for _, each in said for change in each["changes"]] == listed


@pytest.mark.parametrize("path", [CHANGES, EVENTS])
async def test_who_comes_back_loses_nothing_and_gets_nothing_twice(
    own_reader: Reader, path: str
) -> None:
    """Cut off at every byte: what was sent whole is not sent again, all else is."""
    for number in range(3):
        await edit(own_reader, number)
    async with followed(own_reader, path) as stream:
        await stream.until(lambda: f"id: {head(own_reader)}\n".encode() in stream.body)
        whole = stream.body
    step = max(len(whole) // 150, 1)

    for cut in range(0, len(whole), step):
        before = messages(whole[:cut])
        wanted = len(messages(whole)) - len(before)
        async with followed(own_reader, path, last_event_id=last_id(whole[:cut]) or "0") as again:
            after = await again.messages(wanted)
        assert [*before, *after] == messages(whole)


def head(reader: Reader) -> int:
    return reader.served.state.head(reader.served.portal)


async def test_last_event_id_wins_over_after(reader: Reader) -> None:
    async with followed(reader, f"{EVENTS}?after=0", last_event_id="5") as stream:
        assert (await stream.messages(1))[0][0] == 6


@pytest.mark.parametrize(
    ("query", "resumed", "parameter"),
    [
        ("?cursor=x", None, "cursor"),
        ("?limit=5", None, "limit"),
        ("?wait=5", None, "wait"),
        ("", "x", None),
        ("", "-1", None),
        ("?after=100000", None, "after"),
        ("", "100000", "after"),
    ],
)
async def test_what_cannot_be_followed_is_400(
    reader: Reader, query: str, resumed: str | None, parameter: str | None
) -> None:
    async with followed(reader, CHANGES + query, last_event_id=resumed) as stream:
        await stream.until(lambda: stream.ended)

    assert stream.status == 400
    assert parameter is None or f'"parameter":"{parameter}"'.encode() in stream.body


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [(EVENTS, "messages", 403), (CHANGES, "events", 403), (CHANGES, "other", 404)],
)
async def test_streams_need_the_rights_of_the_list(
    reader: Reader, path: str, token: str, status: int
) -> None:
    async with followed(reader, path, token=token) as stream:
        await stream.until(lambda: stream.ended)

    assert stream.status == status


async def test_a_stream_ends_with_its_token(own_reader: Reader) -> None:
    state = own_reader.served.state
    token_id, token = await Tokens(state.catalog).create(
        portals=[SLUG], scopes=["messages:read"], now=NOW
    )
    await state.refresh()

    async with streaming(own_reader.served.app, CHANGES, token) as stream:
        await stream.messages(1)
        await Tokens(state.catalog).revoke(token_id, now=NOW)
        async with asyncio.timeout(2.5):
            await stream.until(lambda: stream.ended)
        before = stream.body
        await edit(own_reader, 1)

    assert stream.body == before


async def test_a_server_that_stops_ends_all_streams_at_once(own_reader: Reader) -> None:
    async with followed(own_reader, CHANGES) as one, followed(own_reader, EVENTS) as other:
        await one.messages(1)
        await other.messages(1)

        own_reader.served.state.feeds.stop()

        async with asyncio.timeout(0.5):
            await one.until(lambda: one.ended)
            await other.until(lambda: other.ended)


async def test_who_reads_slowly_keeps_nobody_and_gets_all(own_reader: Reader) -> None:
    reads = asyncio.Semaphore(1)  # the answer's beginning, and no more

    async with (
        followed(own_reader, EVENTS, reads=reads) as slow,
        followed(own_reader, EVENTS) as quick,
    ):
        for number in range(4):
            await edit(own_reader, number)
            await quick.messages(head(own_reader))
        assert not slow.body
        for _ in range(10):
            reads.release()
        assert await slow.messages(head(own_reader)) == messages(quick.body)
        for _ in range(10):
            reads.release()


async def test_who_follows_is_recorded_from_the_beginning_to_the_end(own_reader: Reader) -> None:
    async with followed(own_reader, f"{EVENTS}?after=3") as stream:
        await stream.until(lambda: stream.body)
        (opened,) = await recorded(own_reader)
        await stream.messages(head(own_reader) - 3)
    opened_first, closed = await recorded(own_reader)

    assert (opened["kind"], opened["answered_position"], opened["count"]) == ("stream_opened", 3, 0)
    assert opened_first == opened
    assert (closed["kind"], closed["request_id"]) == ("stream_closed", opened["request_id"])
    assert closed["answered_position"] == head(own_reader)
    assert closed["count"] == head(own_reader) - 3
    assert opened["filters"] == {"after": "3"}


async def recorded(reader: Reader) -> list[Any]:
    """What the access log says of streams."""
    entries = (await reader.read("/access", token="auditor"))["data"]  # noqa: S106 - a name
    return [entry for entry in entries if entry["kind"].startswith("stream")]


@pytest.mark.parametrize("path", ["/changes", "/events"])
async def test_a_long_poll_answers_when_there_is_something(own_reader: Reader, path: str) -> None:
    newest = (await own_reader.read(path))["meta"]["head"]

    at_once = await own_reader.read(path, after=0, wait=30)
    waiting = asyncio.create_task(own_reader.read(path, after=newest, wait=30))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await edit(own_reader, 1)
    async with asyncio.timeout(5):
        found = (await waiting)["data"]
    nothing = await own_reader.read(path, after=newest + 1, wait=1)

    assert at_once["data"]
    assert [each["position"] for each in found] == [newest + 1]
    assert nothing["data"] == []


async def test_a_long_poll_waits_for_what_is_asked_for(own_reader: Reader) -> None:
    newest = (await own_reader.read("/changes"))["meta"]["head"]

    waiting = asyncio.create_task(
        own_reader.read("/changes", after=newest, kinds="deleted", wait=1)
    )
    await asyncio.sleep(0.1)
    await edit(own_reader, 1)

    assert (await waiting)["data"] == []


@pytest.mark.parametrize("wait", ["61", "-1", "x"])
async def test_nobody_waits_for_longer_than_a_minute(reader: Reader, wait: str) -> None:
    refused = await reader.get(f"/portals/{SLUG}/changes", wait=wait)

    assert refused.json()["code"] == "invalid_parameter"
