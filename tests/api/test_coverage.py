"""An answer says how well it was seen what it shows, and what was not."""

from typing import Any

import pytest
from pydantic_core import to_json

from eventstore.directory import Limits
from eventstore.tokens import Tokens
from tests.api.talk import Talk
from tests.conftest import Reader
from tests.promises.server import NOW, SLUG

CHAT = 7001
BEFORE = {"from": None, "cause": "before_subscription"}


def clock(time: str) -> str:
    """A time of the day on which people talk."""
    return f"2026-10-01T{time}:00.000000Z"


async def tell(reader: Reader, event_type: str, date: str, **said: Any) -> None:
    """Bring what a poller or a reconciliation tells of user 58."""
    event = {"type": event_type, "date": date, "data": said}
    assert (await reader.served.feed(to_json(event))).status_code == 200
    await reader.served.state.live.catch_up()


async def watched(reader: Reader, since: str, until: str, hole: Any = BEFORE) -> None:
    """Tell that user 58's queue was watched."""
    await tell(
        reader,
        "CHRONICLEQUEUEWATCHED",
        clock(until),
        method="im.v2.Event.get",
        since=clock(since),
        until=clock(until),
        sees="everything",
        hole=hole,
    )


async def told(reader: Reader, path: str, **query: Any) -> Any:
    """What an answer says about how well it was seen."""
    return (await reader.read(path, **query))["meta"]["coverage"]


def holes(coverage: Any) -> list[tuple[str | None, str | None, str]]:
    return [(each["from"], each["until"], each["cause"]) for each in coverage["holes"]]


@pytest.fixture
async def talk(own_reader: Reader) -> Talk:
    """A chat: messages at 0:01, 0:02 and 0:03, from which on its queue was watched until 2:00."""
    talk = Talk.at(own_reader)
    await talk.post("one", "two", "three", chat=CHAT)
    await watched(own_reader, "00:02", "02:00")
    return talk


async def test_a_message_that_was_seen_from_its_creation_on_is_complete(
    own_reader: Reader, talk: Talk
) -> None:
    (first, _, third) = [
        each["id"] for each in (await own_reader.read("/messages", chat=CHAT))["data"]
    ]

    later = await told(own_reader, f"/messages/{third}")
    earlier = await told(own_reader, f"/messages/{first}/versions")

    assert later == {
        "status": "complete",
        "since": clock("00:03"),
        "until": clock("00:03"),
        "reactions": "complete",
        "holes": [],
    }
    assert (earlier["status"], earlier["since"]) == ("partial", clock("00:02"))
    assert holes(earlier) == [(clock("00:01"), clock("00:02"), "before_subscription")]


async def test_a_page_is_as_its_oldest_message_and_all_that_followed(
    own_reader: Reader, talk: Talk
) -> None:
    oldest, middle, _ = [
        each["id"] for each in (await own_reader.read(f"/chats/{CHAT}/messages"))["data"]
    ]

    everything = await told(own_reader, f"/chats/{CHAT}/messages")
    from_the_second = await told(own_reader, f"/chats/{CHAT}/messages", after=oldest)
    the_second = await told(own_reader, f"/chats/{CHAT}/messages", around=middle, limit=1)

    assert everything["status"] == "partial"
    for part in (from_the_second, the_second):
        assert (part["status"], part["until"]) == ("complete", clock("00:03"))


async def test_a_hole_that_is_told_of_later_changes_the_answer_and_its_tag_but_not_of_then(
    own_reader: Reader, talk: Talk
) -> None:
    path = f"/portals/{SLUG}/chats/{CHAT}/messages"
    before = await own_reader.get(path, after="500000")
    position = before.json()["meta"]["position"]
    then = await own_reader.get(path, after="500000", as_of_position=position)

    hole = {"from": clock("00:02").replace(":02:00", ":02:45"), "cause": "foreign_reader"}
    await watched(own_reader, "01:00", "03:00", hole)
    after = await own_reader.get(path, after="500000")

    assert before.json()["meta"]["coverage"]["status"] == "complete"
    assert holes(after.json()["meta"]["coverage"]) == [
        (clock("00:02"), "2026-10-01T00:02:15.000000Z", "access_lost"),
        ("2026-10-01T00:02:15.000000Z", clock("00:03"), "foreign_reader"),
    ]
    assert after.json()["data"] == before.json()["data"]
    assert after.headers["ETag"] != before.headers["ETag"]
    again = await own_reader.get(path, after="500000", as_of_position=position)
    assert again.content == then.content


async def test_as_of_a_time_it_ends_there(own_reader: Reader, talk: Talk) -> None:
    coverage = await told(
        own_reader, f"/chats/{CHAT}/messages", after="500000", as_of=clock("00:02")
    )

    assert (coverage["status"], coverage["until"]) == ("complete", clock("00:02"))


async def test_what_only_webhooks_told_is_unknown(reader: Reader) -> None:
    for path in ("/messages/190411", "/chats/2207/messages", "/chats", "/messages"):
        assert (await told(reader, path))["status"] == "unknown", path


async def test_members_are_never_known_for_sure(own_reader: Reader, talk: Talk) -> None:
    assert (await told(own_reader, f"/chats/{CHAT}/members"))["status"] == "partial"


async def test_each_chat_with_who_saw_it_and_what_is_missing(
    own_reader: Reader, talk: Talk
) -> None:
    await talk.delete("599999", chat=CHAT)

    (chat,) = (await own_reader.read("/coverage", chat=CHAT))["data"]

    assert (chat["chat_id"], chat["status"], chat["since"]) == ("7001", "partial", clock("00:02"))
    assert holes(chat) == [(None, clock("00:02"), "before_subscription")]
    assert chat["receivers"] == [
        {"receiver": "user:58", "covered": [{"from": clock("00:02"), "until": clock("00:04")}]}
    ]
    assert chat["orphans"] == {
        "messages": {"count": {"value": 1, "capped": False}, "ids": ["599999"]},
        "replies": {"count": {"value": 0, "capped": False}, "ids": []},
    }
    portal = (await own_reader.read(""))["data"]["coverage"]
    assert (portal["status"], holes(portal)) == (
        "partial",
        [(None, clock("00:02"), "before_subscription")],
    )
    assert "599999" in portal["orphans"]["messages"]["ids"]


async def test_all_chats_are_walked_and_an_unknown_one_is_not_found(reader: Reader) -> None:
    chats = [each["id"] for page in await reader.walk("/chats", limit=3) for each in page]

    walked = [each["chat_id"] for page in await reader.walk("/coverage", limit=3) for each in page]

    assert walked == chats
    assert (await reader.get(f"/portals/{SLUG}/coverage", chat="4711")).status_code == 404


async def test_a_reading_over_rest_repairs_a_hole_and_leaves_it_one(
    own_reader: Reader, talk: Talk
) -> None:
    await tell(
        own_reader,
        "CHRONICLECHATREAD",
        clock("02:00"),
        chatId=CHAT,
        access="read",
        since=None,
        chat={"id": CHAT},
    )

    coverage = await told(own_reader, f"/chats/{CHAT}")

    assert [(each["until"], each["repaired"]) for each in coverage["holes"]] == [
        (clock("00:02"), True)
    ]
    assert coverage["status"] == "partial"


async def test_a_narrowed_token_learns_of_its_chats_and_its_time_only(
    own_reader: Reader, talk: Talk
) -> None:
    async def narrowed(**limits: Any) -> Reader:
        _, token = await Tokens(own_reader.served.state.catalog).create(
            portals=[SLUG], scopes=["messages:read"], now=NOW, limits=Limits(**limits)
        )
        return Reader(own_reader.served, {"everything": token})

    some = await narrowed(chats=frozenset({CHAT}))
    elsewhere = await narrowed(chats=frozenset({2207}))
    late = await narrowed(since=1_790_812_980_000_000)  # 0:03

    assert [each["chat_id"] for each in (await some.read("/coverage"))["data"]] == [str(CHAT)]
    assert await told(some, "/chats") is None
    assert (await elsewhere.get(f"/portals/{SLUG}/coverage", chat=CHAT)).status_code == 404
    (chat,) = (await late.read("/coverage", chat=CHAT))["data"]
    assert (chat["status"], chat["since"], chat["orphans"]) == ("complete", clock("00:03"), None)


@pytest.mark.parametrize(
    "path", ["/chats", "/messages", "/changes", "/events", "/undecoded", "/quarantine"]
)
async def test_a_list_across_chats_tells_of_every_hole_in_a_queue(
    own_reader: Reader, talk: Talk, path: str
) -> None:
    hole = {"from": clock("02:00"), "cause": "poll_outage_over_retention"}
    await watched(own_reader, "03:00", "04:00", hole)

    coverage = await told(own_reader, path)

    assert coverage["status"] == "partial"
    assert [each["cause"] for each in coverage["holes"]] == [
        "before_subscription",
        "poll_outage_over_retention",
    ]


async def test_the_changes_of_a_chat_tell_how_well_that_was_seen(
    own_reader: Reader, talk: Talk
) -> None:
    assert await told(own_reader, "/changes", chat=CHAT) == await told(own_reader, f"/chats/{CHAT}")
