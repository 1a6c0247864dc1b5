"""A walk through a list meets everything once, whatever is appended meanwhile."""

from typing import Any

import pytest
from pydantic_core import to_json

from api.paging import Cursor, Cursors
from api.problems import Problem
from tests import samples
from tests.conftest import Reader

LISTS = [
    "/chats",
    "/chats/2207/messages",
    "/chats/2207/members",
    "/messages",
    "/messages/190411/versions",
    "/messages/190411/events",
    "/events",
    "/undecoded",
    "/quarantine",
]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("path", LISTS)
async def test_pages_of_any_size_make_the_whole_list(reader: Reader, path: str, limit: int) -> None:
    whole = (await reader.read(path, limit=500))["data"]

    pages = await reader.walk(path, limit=limit)

    assert [each for page in pages for each in page] == whole
    assert whole


@pytest.mark.parametrize("path", LISTS)
async def test_a_page_that_is_just_full_and_the_last_has_no_next(reader: Reader, path: str) -> None:
    whole = (await reader.read(path, limit=500))["data"]

    answer = await reader.read(path, limit=len(whole))

    assert answer["page"] == {"next": None}


async def test_before_walks_back_page_by_page_each_oldest_to_newest(reader: Reader) -> None:
    ids = await timeline(reader)

    pages = await reader.walk("/chats/2207/messages", before=ids[-1], limit=2)

    assert [numbers(page) for page in pages] == [ids[-3:-1], ids[-5:-3], ids[:-5]]


async def test_after_walks_on_from_the_message_behind_it(reader: Reader) -> None:
    ids = await timeline(reader)

    pages = await reader.walk("/chats/2207/messages", after=ids[1], limit=2)

    assert [number for page in pages for number in numbers(page)] == ids[2:]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 500])
async def test_around_shows_both_sides_and_goes_on_to_newer(reader: Reader, limit: int) -> None:
    ids = await timeline(reader)
    place = 2

    pages = await reader.walk("/chats/2207/messages", around=ids[place], limit=limit)

    begin = max(place - limit // 2, 0)
    assert numbers(pages[0]) == ids[begin : begin + limit]
    assert [number for page in pages for number in numbers(page)] == ids[begin:]


async def test_a_cursor_need_not_repeat_where_its_walk_began(reader: Reader) -> None:
    ids = await timeline(reader)
    first = await reader.read("/chats/2207/messages", before=ids[-1], limit=2)

    second = await reader.read("/chats/2207/messages", cursor=first["page"]["next"], limit=2)
    other = await reader.get(
        "/portals/acme/chats/2207/messages", cursor=first["page"]["next"], before=ids[1]
    )

    assert numbers(second["data"]) == ids[-5:-3]
    assert other.json()["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("path", "appended"),
    [
        ("/chats/2207/messages", "190499"),
        ("/messages/190411/versions", "later than the deletion"),
        ("/messages/190411/events", "fetch:799999"),
        ("/events", "fetch:799999"),
    ],
)
async def test_a_walk_ends_where_the_log_ended_when_it_began(
    own_reader: Reader, path: str, appended: str
) -> None:
    whole = (await own_reader.read(path, limit=500))["data"]
    first = await own_reader.read(path, limit=1)
    await append_later(own_reader)

    walked = first["data"]
    cursor = first["page"]["next"]
    while cursor is not None:
        answer = await own_reader.read(path, limit=1, cursor=cursor)
        walked += answer["data"]
        cursor = answer["page"]["next"]

    assert len(walked) == len(whole)
    assert appended not in str(walked)
    assert appended in str((await own_reader.read(path, limit=500))["data"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/portals/acme/messages", {"state": "live"}),
        ("/portals/acme/messages", {"from_": "2026-09-14T00:00:00Z"}),
        ("/portals/acme/chats", {}),
        ("/portals/acme/chats/2207/messages", {}),
        ("/portals/acme/messages/190411/versions", {}),
        ("/portals/globex/messages", {}),
    ],
)
async def test_a_cursor_is_good_for_its_own_list_only(
    reader: Reader, path: str, query: dict[str, Any]
) -> None:
    cursor = (await reader.read("/messages", token="both", limit=1))["page"]["next"]  # noqa: S106 - a name

    response = await reader.get(path, token="both", cursor=cursor, **query)  # noqa: S106 - a name

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_cursor"


async def test_a_cursor_of_another_message_is_refused(reader: Reader) -> None:
    first = await reader.read("/messages/190411/versions", limit=1)

    response = await reader.get(
        "/portals/acme/messages/190420/versions", cursor=first["page"]["next"]
    )

    assert response.json()["code"] == "invalid_cursor"


def test_a_cursor_that_was_touched_is_refused() -> None:
    cursors = Cursors(b"key")
    written = cursors.write(Cursor([5], 9), ["list"])

    for at, letter in enumerate(written[:-1]):
        touched = f"{written[:at]}{'A' if letter != 'A' else 'B'}{written[at + 1 :]}"
        with pytest.raises(Problem):
            cursors.read(touched, ["list"])
    with pytest.raises(Problem):
        Cursors(b"another key").read(written, ["list"])
    assert cursors.read(written, ["list"]) == Cursor([5], 9)


async def timeline(reader: Reader) -> list[int]:
    """The messages of the samples' chat."""
    return numbers((await reader.read("/chats/2207/messages", limit=500))["data"])


def numbers(messages: list[Any]) -> list[int]:
    return [int(message["id"]) for message in messages]


async def append_later(reader: Reader) -> None:
    """Tell of a new message, and of a change of an old one."""
    posting = samples.tree("im_v2/onimv2messageadd.json") | {"eventId": 799998}
    posting["data"]["message"]["id"] = 190499
    edit = samples.tree("im_v2/onimv2messageupdate.json") | {
        "eventId": 799999,
        "date": "2026-09-14T23:00:00+03:00",
    }
    edit["data"]["message"]["text"] = "later than the deletion"
    for item in (posting, edit):
        assert (await reader.served.feed(to_json(item))).status_code == 200
    await reader.served.state.live.catch_up()
