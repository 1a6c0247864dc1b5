"""A narrowed token sees some chats, or messages of some time; the rest is as if it were not."""

from typing import Any

import pytest

from api.resources import ENDPOINTS
from eventstore.directory import Limits
from eventstore.tokens import Tokens
from projections.read.narrowed import Narrowed, walks
from projections.read.now import Now
from tests.api.test_access import IDS
from tests.conftest import Reader
from tests.promises.server import NOW, SLUG

SCOPES = ("messages:read", "messages:read.deleted", "events:read", "export", "audit")


async def narrowed(reader: Reader, **limits: Any) -> Reader:
    """Return somebody who reads with a token that is limited so."""
    _, token = await Tokens(reader.served.state.catalog).create(
        portals=[SLUG], scopes=SCOPES, now=NOW, limits=Limits(**limits)
    )
    return Reader(reader.served, {"everything": token})


async def pairs(reader: Reader, path: str = "/messages", **query: Any) -> list[tuple[str, str]]:
    """Return the messages of a list, walked by small pages, each with its chat."""
    pages = await reader.walk(path, limit=2, **query)
    return [(each["id"], each["chat_id"]) for page in pages for each in page]


@pytest.fixture
async def chats(reader: Reader) -> list[str]:
    """The chats that have messages, the one with the most first."""
    found = [chat for _, chat in await pairs(reader)]
    return sorted(set(found), key=lambda chat: (-found.count(chat), chat))


async def test_lists_have_the_messages_of_its_chats_and_no_holes(
    reader: Reader, chats: list[str]
) -> None:
    everything = await pairs(reader)
    some = await narrowed(reader, chats=frozenset(map(int, chats[:2])))

    seen = [pair for pair in everything if pair[1] in chats[:2]]
    assert len(everything) > len(seen) > 2
    assert await pairs(some) == seen
    assert await pairs(some, order="desc") == seen[::-1]
    assert (await some.read("/messages", count="capped"))["page"]["count"]["value"] == len(seen)


async def test_as_of_a_moment_it_sees_no_more(reader: Reader, chats: list[str]) -> None:
    position = (await reader.read("/chats"))["meta"]["position"]
    some = await narrowed(reader, chats=frozenset({int(chats[0])}))

    then = await pairs(some, as_of_position=position)

    assert then == await pairs(some)
    assert {chat for _, chat in then} == {chats[0]}


async def test_a_search_finds_what_it_sees(reader: Reader, chats: list[str]) -> None:
    some = await narrowed(reader, chats=frozenset({2207}))
    others = await narrowed(reader, chats=frozenset({999_999}))

    found = await some.read(
        "/messages", q="rollout", count="capped", in_="current,versions,deleted"
    )
    missed = await others.read("/messages", q="rollout", count="capped")

    assert found["data"]
    assert {hit["chat_id"] for hit in found["data"]} == {"2207"}
    assert missed["data"] == []
    assert [chat["id"] for chat in (await some.read("/chats", q="war room"))["data"]] == ["2207"]
    assert (await others.read("/chats", q="war room"))["data"] == []
    assert missed["page"]["count"]["value"] == 0


async def test_what_it_does_not_see_is_as_unknown_as_what_does_not_exist(reader: Reader) -> None:
    others = await narrowed(reader, chats=frozenset({999_999}))
    for path in (
        *("/messages/{}", "/messages/{}/versions", "/messages/{}/reactions", "/messages/{}/events"),
    ):
        hidden = await others.get(f"/portals/acme{path.format(190411)}")
        unknown = await others.get(f"/portals/acme{path.format(1)}")
        assert (hidden.status_code, hidden.content) == (404, unknown.content), path
    for path in ("/chats/{}", "/chats/{}/messages", "/chats/{}/members"):
        hidden = await others.get(f"/portals/acme{path.format(2207)}")
        unknown = await others.get(f"/portals/acme{path.format(1)}")
        assert (hidden.status_code, hidden.content) == (404, unknown.content), path
    hidden = await others.get("/portals/acme/users/41")
    unknown = await others.get("/portals/acme/users/1")
    assert (hidden.status_code, hidden.content) == (404, unknown.content)
    assert (await others.read("/chats"))["data"] == []


async def test_its_own_chats_are_as_they_are_for_everybody(reader: Reader) -> None:
    some = await narrowed(reader, chats=frozenset({2207}))

    for path in (
        "/chats/2207",
        "/chats/2207/messages",
        "/chats/2207/members",
        "/messages/190411",
        "/messages/190411/versions",
        "/messages/190411/reactions",
        "/users/41",
    ):
        assert (await some.read(path))["data"] == (await reader.read(path))["data"], path
    assert [chat["id"] for chat in (await some.read("/chats"))["data"]] == ["2207"]


async def test_a_window_is_half_open_and_of_the_creation(reader: Reader) -> None:
    at = 1_789_370_100_000_000  # of message 190411
    begins = await narrowed(reader, since=at, until=at + 1)
    ends = await narrowed(reader, until=at)

    assert (await begins.read("/messages/190411"))["data"]["id"] == "190411"
    assert {message for message, _ in await pairs(begins)} == {"190411"}
    assert await pairs(begins, "/chats/2207/messages") == [("190411", "2207")]
    assert (await begins.read("/chats/2207"))["data"]["messages"] == 1
    assert (await ends.get("/portals/acme/messages/190411")).status_code == 404
    assert "190411" not in {message for message, _ in await pairs(ends)}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_what_is_about_all_of_a_portal_is_refused(reader: Reader, endpoint: Any) -> None:
    some = await narrowed(reader, chats=frozenset({2207}))
    path = endpoint.path.removeprefix("/v1").format(portal="acme", **IDS)

    answer = await some.get(path)

    if endpoint.narrows:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "token_narrowed"


async def test_what_tells_of_a_whole_portal_narrows_nothing() -> None:
    whole = {each.path.rpartition("/")[2] for each in ENDPOINTS if not each.narrows}

    assert whole == {
        "{portal}",
        "events",
        "{position}",
        "undecoded",
        "quarantine",
        "changes",
        "access",
        "exports",
        "{export}",
        "connections",
    }


async def test_a_payload_is_withheld(reader: Reader) -> None:
    some = await narrowed(reader, chats=frozenset({2207}))

    told = (await some.read("/messages/190411/events"))["data"]

    assert told
    assert {(event["payload"], event["withheld"]) for event in told} == {(None, "scope")}


@pytest.mark.parametrize(
    ("limits", "asked", "found"),
    [
        (Limits(), {"state": "live"}, [{"state": "live"}]),
        (Limits(chats=frozenset({1, 2})), {}, [{"chat": 1}, {"chat": 2}]),
        (Limits(chats=frozenset({1, 2})), {"chat": 2}, [{"chat": 2}]),
        (Limits(chats=frozenset({1, 2})), {"chat": 3}, []),
        (Limits(since=5, until=9), {}, [{"from": 5, "to": 9}]),
        (Limits(since=5), {"from": 7}, [{"from": 7}]),
        (Limits(since=5), {"from": 0}, [{"from": 5}]),
        (Limits(until=9), {"to": 12}, [{"to": 9}]),
        (Limits(until=0), {}, [{"to": 0}]),
    ],
)
def test_each_limit_only_narrows(
    limits: Limits, asked: dict[str, Any], found: list[dict[str, Any]]
) -> None:
    assert walks(limits, asked) == found


async def test_chats_are_walked_page_by_page(reader: Reader, chats: list[str]) -> None:
    some = await narrowed(reader, chats=frozenset(map(int, chats)))

    pages = await some.walk("/chats", limit=1)

    everything = (await reader.read("/chats"))["data"]
    assert len(pages) > 1
    assert [chat for page in pages for chat in page] == [
        chat for chat in everything if chat["id"] in chats
    ]


async def test_a_quote_tells_nothing_of_a_message_that_is_hidden(reader: Reader) -> None:
    limits = Limits(chats=frozenset({999_999}))
    live = reader.served.state.live
    async with live.reading(reader.served.portal.id) as session:
        everything = Now(session, reader.served.portal.id, 100)
        some = Narrowed(everything, limits)

        known = await everything.quoted([190411])
        hidden = await some.quoted([190411, 1])

    assert known[190411].text is not None
    assert {(quoted.state, quoted.text) for quoted in hidden.values()} == {("hidden", None)}
    assert hidden.keys() == {190411, 1}
