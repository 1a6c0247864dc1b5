"""As it was, and as it was known: every read can be asked for an earlier moment."""

import asyncio
from typing import Any

import pytest
from pydantic_core import to_json

from projections.fingerprints import fingerprints
from projections.rebuild import rebuild
from tests import samples
from tests.conftest import Reader
from tests.promises.server import JSON, SLUG

READS = [
    "",
    "/chats",
    "/chats/2207",
    "/chats/2207/messages",
    "/chats/2207/members",
    "/coverage",
    "/messages",
    "/messages/190411",
    "/messages/190411/versions",
    "/messages/190411/reactions",
    "/messages/190411/events",
    "/users/41",
    "/events",
    "/events/1",
    "/undecoded",
    "/quarantine",
]
POSTED = "2026-09-14T07:15:00Z"
EDITED = "2026-09-14T07:17:31Z"
DELETED = "2026-09-14T07:20:11Z"
LATER = "2099-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("time", "state", "version"),
    [(POSTED, "live", 1), (EDITED, "live", 2), (DELETED, "deleted", 2)],
)
async def test_a_message_is_shown_as_it_was(
    reader: Reader, time: str, state: str, version: int
) -> None:
    message = (await reader.read("/messages/190411", as_of=time))["data"]
    versions = (await reader.read("/messages/190411/versions", as_of=time))["data"]

    assert (message["state"], message["version"]) == (state, version)
    assert message["text"] == versions[-1]["text"]
    assert len(versions) == version
    assert (versions[-1]["until"] is None) == (state == "live")


async def test_before_it_was_posted_a_message_is_not_there(reader: Reader) -> None:
    earlier = "2026-09-14T07:14:59Z"

    one = await reader.get(f"/portals/{SLUG}/messages/190411", as_of=earlier)
    listed = await reader.read("/chats/2207/messages", as_of=POSTED)

    assert one.status_code == 404
    assert [each["id"] for each in listed["data"]][-1] == "190411"


async def test_what_was_told_later_was_not_known_yet(reader: Reader) -> None:
    positions = [
        each["position"] for each in (await reader.read("/messages/190411/events"))["data"]
    ]

    states = [
        (await reader.read("/messages/190411", as_of_position=position))["data"]["state"]
        for position in positions
    ]

    assert states[0] == "live"
    assert states[-1] == "deleted"
    assert states == sorted(states, reverse=True)


async def test_time_and_position_narrow_together(reader: Reader) -> None:
    head = (await reader.read(""))["data"]["head"]

    message = await reader.read("/messages/190411", as_of=EDITED, as_of_position=head)

    assert message["data"]["state"] == "live"
    assert message["data"]["version"] == 2


@pytest.mark.parametrize("path", READS)
async def test_as_of_the_head_all_is_as_it_is(reader: Reader, path: str) -> None:
    head = (await reader.read(""))["data"]["head"]

    now = await reader.read(path)
    then = await reader.read(path, as_of_position=head)

    if path == "":  # what is in quarantine has no position: it came a moment after the last event
        now["data"]["counts"]["quarantined"] = 0
    _of_an_earlier_moment_no_orphans_are_told(now["data"])
    assert then["data"] == ([] if path == "/quarantine" else now["data"])
    assert then["meta"].pop("coverage", None) == now["meta"].get("coverage")
    assert then["meta"] == {
        "portal": SLUG,
        "position": head,
        "fingerprint": ".".join(fingerprints()),
    }


def _of_an_earlier_moment_no_orphans_are_told(answer: Any) -> None:
    for each in answer if isinstance(answer, list) else [answer.get("coverage") or {}]:
        if "orphans" in each:
            each["orphans"] = None


@pytest.mark.parametrize("path", READS)
async def test_as_of_a_time_tells_the_position_that_gives_the_same_again(
    reader: Reader, path: str
) -> None:
    time = LATER if "events" in path else DELETED  # the samples were received after that
    first = await reader.read(path, as_of=time)

    again = await reader.read(path, as_of=time, as_of_position=first["meta"]["position"])

    assert again["data"] == first["data"]
    assert again["meta"]["fingerprint"] == first["meta"]["fingerprint"]


@pytest.mark.parametrize("events", [300, pytest.param(10_000, marks=pytest.mark.long)])
async def test_a_named_position_has_the_same_bytes_for_ever(
    own_reader: Reader, events: int
) -> None:
    head = (await own_reader.read(""))["data"]["head"]
    questions: list[dict[str, Any]] = [
        {"as_of_position": position, **time}
        for position in range(1, head + 1, head // 6)
        for time in ({}, {"as_of": EDITED})
    ]
    before = [await answer(own_reader, path, asked) for path in READS for asked in questions]

    await live_on(own_reader, events)
    await rebuild_all(own_reader)

    after = [await answer(own_reader, path, asked) for path in READS for asked in questions]
    assert after == before
    assert {status for status, _, _ in before} == {200, 404}


async def test_a_position_beyond_the_head_is_refused(reader: Reader) -> None:
    head = (await reader.read(""))["data"]["head"]

    refused = await reader.get(f"/portals/{SLUG}/chats", as_of_position=head + 1)

    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid_parameter"
    assert refused.json()["parameter"] == "as_of_position"
    assert str(head) in refused.json()["detail"]


async def test_a_position_that_was_just_appended_is_waited_for(own_reader: Reader) -> None:
    position = await edit(own_reader, 1)

    message, _ = await asyncio.gather(
        own_reader.read("/messages/190450", as_of_position=position),
        own_reader.served.state.live.catch_up(),
    )

    assert message["data"]["text"] == "edit 1"


@pytest.mark.parametrize("value", ["2026-09-14T07:15:00", "yesterday", "2026-09-14"])
async def test_a_time_without_a_zone_is_no_moment(reader: Reader, value: str) -> None:
    refused = await reader.get(f"/portals/{SLUG}/chats", as_of=value)

    assert refused.status_code == 400
    assert refused.json()["parameter"] == "as_of"


@pytest.mark.parametrize("path", ["/messages", "/chats/2207/messages", "/chats", "/events"])
@pytest.mark.parametrize("limit", [1, 3])
async def test_pages_of_a_moment_make_the_whole_list(reader: Reader, path: str, limit: int) -> None:
    time = LATER if path == "/events" else EDITED
    whole = (await reader.read(path, limit=500, as_of=time))["data"]

    pages = await reader.walk(path, limit=limit, as_of=time)

    assert [each for page in pages for each in page] == whole
    assert whole


async def test_a_walk_stays_at_the_position_that_it_began_at(own_reader: Reader) -> None:
    whole = (await own_reader.read("/messages", limit=500, as_of=LATER))["data"]
    first = await own_reader.read("/messages", limit=1, as_of=LATER)

    await live_on(own_reader, 3)

    walked, cursor = first["data"], first["page"]["next"]
    while cursor is not None:
        page = await own_reader.read("/messages", limit=1, as_of=LATER, cursor=cursor)
        assert page["meta"]["position"] == first["meta"]["position"]
        walked += page["data"]
        cursor = page["page"]["next"]
    assert walked == whole


async def test_a_cursor_is_good_for_its_moment_only(reader: Reader) -> None:
    cursor = (await reader.read("/messages", limit=1, as_of=EDITED))["page"]["next"]

    for other in ({}, {"as_of": POSTED}, {"as_of_position": 9}):
        response = await reader.get(f"/portals/{SLUG}/messages", cursor=cursor, **other)
        assert response.json()["code"] == "invalid_cursor"


async def test_a_text_that_was_taken_back_since_needs_its_scope(own_reader: Reader) -> None:
    before = await edit(own_reader, 1)
    await edit(own_reader, 2)
    await own_reader.served.state.live.catch_up()

    for path, asked in (
        ("/messages", {"as_of_position": before}),
        ("/messages/190450/versions", {"as_of_position": before}),
        ("/messages", {"as_of": EDITED}),
        ("/messages/190411/versions", {"as_of": EDITED}),
    ):
        shown = await own_reader.read(path, token="messages", **asked)  # noqa: S106 - a name
        assert "edit 1" not in str(shown)
        assert not any(
            each["text"] for each in shown["data"] if each.get("id", "190411") == "190411"
        )
    seen = (await own_reader.read("/messages/190450", as_of_position=before))["data"]
    withheld = (
        await own_reader.read("/messages/190450", token="messages", as_of_position=before)  # noqa: S106 - a name
    )["data"]

    assert (seen["text"], seen["withheld"]) == ("edit 1", None)
    assert (withheld["text"], withheld["withheld"], withheld["state"]) == (None, "scope", "live")


async def test_what_still_stands_is_shown_to_everybody_as_it_was(reader: Reader) -> None:
    message = (await reader.read("/messages/190450", token="messages", as_of=LATER))["data"]  # noqa: S106 - a name

    assert message["text"] == (await reader.read("/messages/190450"))["data"]["text"]


async def answer(reader: Reader, path: str, asked: dict[str, Any]) -> tuple[int, str, bytes]:
    response = await reader.get(f"/portals/{SLUG}{path}", **asked)
    return response.status_code, response.headers.get("etag", ""), response.content


async def edit(reader: Reader, number: int) -> int:
    """Edit a message once more; return the position of that."""
    body = samples.tree("im_v2/onimv2messageadd_private_own.json")
    body["eventId"] += 1_000 + number
    body["type"] = "ONIMV2MESSAGEUPDATE"
    body["date"] = f"2026-09-15T{number // 60 % 24:02}:{number % 60:02}:00+00:00"
    body["data"]["message"]["text"] = f"edit {number}"
    response = await reader.served.client.post(
        f"/v1/portals/{SLUG}/events",
        params={"receiver": "user:58"},
        content=to_json(body),
        headers={"Authorization": f"Bearer {reader.tokens['writer']}", "Content-Type": JSON},
    )
    position: int = response.json()["results"][0]["position"]
    return position


async def live_on(reader: Reader, edits: int) -> None:
    """Let a lot happen, some of it to what was there."""
    for number in range(edits):
        await edit(reader, number)
    await reader.served.state.live.catch_up()


async def rebuild_all(reader: Reader) -> None:
    """Make everything anew, and read it from there."""
    state = reader.served.state
    await rebuild(state.store, state.catalog, lambda _done, _total: None, jobs=1)
    await state.refresh()
    assert state.live.generation(1) == 2
