"""Searching: what was said, by whom, and when it stood; nothing to who may not see it."""

from typing import Any

import pytest
from pydantic_core import to_json

from tests.api.talk import Talk
from tests.conftest import Reader

MESSAGES = "messages"
"""The name of the token that may not see what is gone."""


async def found(reader: Reader, q: str, **query: Any) -> list[tuple[str, str]]:
    """Return the hits of a search: the message, and the text that says it."""
    hits = (await reader.read("/messages", q=q, **query))["data"]
    return [(hit["id"], hit["match"]["text"]) for hit in hits]


async def texts(reader: Reader, q: str, **query: Any) -> list[str]:
    return [text for _, text in await found(reader, q, **query)]


HOWEVER_TYPED = "ПЛАН", "план выката", '"план выката"', "пла*", "вык* план", "елка", "ёлка", "ann"
NOT_SAID = "пла", '"выката план"', "план нет", "user", "b", "41", "елки"


async def test_a_text_is_found_however_people_type_it(own_reader: Reader) -> None:
    text = "[b]План[/b] выката: [USER=41]Ann[/USER], новая Ёлка"
    await Talk.at(own_reader).post(text, "что-то другое", "plans")

    assert [await texts(own_reader, q) for q in HOWEVER_TYPED] == [[text]] * len(HOWEVER_TYPED)
    assert [await texts(own_reader, q) for q in NOT_SAID] == [[]] * len(NOT_SAID)


@pytest.mark.parametrize(
    "q",
    [
        "'; DROP TABLE message; --",
        'план" OR words:"x',
        "план AND NOT NEAR(x, 2)",
        "план & !x | y <-> z:*",
        "п%н _лан",
        "\\'план\\",
        "план\u202e",
        "x" * 256,
        "*план* ^план -план +план",
    ],
)
async def test_a_hostile_query_is_only_words(own_reader: Reader, q: str) -> None:
    await Talk.at(own_reader).post("a text with nothing of it")

    assert await texts(own_reader, q) == []


@pytest.mark.parametrize("q", ["", " ", "*", '""', "👍", "%_", "x" * 257, "a\0b", "w " * 21])
async def test_a_query_without_words_or_with_too_many_is_refused(reader: Reader, q: str) -> None:
    distinct = " ".join(f"{word}{number}" for number, word in enumerate(q.split())) or q

    response = await reader.get("/portals/acme/messages", q=distinct if "w" in q else q)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_parameter"
    assert response.json()["parameter"] == "q"


@pytest.mark.parametrize("parameter", ["in", "context"])
async def test_how_to_search_is_nothing_without_what(reader: Reader, parameter: str) -> None:
    value = {"in": "current", "context": "2"}[parameter]

    response = await reader.get("/portals/acme/messages", **{parameter: value})

    assert response.status_code == 400
    assert response.json()["parameter"] == parameter


async def test_a_hit_says_which_version_matched_and_until_when_it_stood(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    (price,) = await talk.post("the price is 120")
    await talk.edit(price, "the price is [b]150[/b]")

    answer = await own_reader.read("/messages", q="price", in_="current,versions")

    old, new = answer["data"]
    versions = (await own_reader.read(f"/messages/{price}/versions"))["data"]
    assert [hit["text"] for hit in (old, new)] == ["the price is [b]150[/b]"] * 2
    assert old["match"] == {
        "version": 1,
        "standing": "superseded",
        "text": "the price is 120",
        "from": versions[0]["from"],
        "until": versions[0]["until"],
        "highlights": [[4, 9]],
    }
    assert new["match"]["standing"] == "current"
    assert new["match"]["until"] is None


async def test_what_was_deleted_is_found_where_it_is_looked_for(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    one, two = await talk.post("secret plan", "secret party")
    await talk.edit(one, "public plan")
    await talk.delete(two)

    assert await texts(own_reader, "secret") == []
    assert await texts(own_reader, "secret", in_="versions") == ["secret plan"]
    assert await texts(own_reader, "secret", in_="deleted") == ["secret party"]
    assert await texts(own_reader, "secret", in_="deleted,versions") == [
        "secret plan",
        "secret party",
    ]


@pytest.mark.parametrize("where", ["versions", "deleted", "current,deleted"])
async def test_what_is_gone_needs_its_scope(reader: Reader, where: str) -> None:
    response = await reader.get("/portals/acme/messages", token=MESSAGES, q="plan", in_=where)

    assert response.status_code == 403
    assert response.json()["code"] == "scope_missing"
    assert response.json()["scope"] == "messages:read.deleted"


async def test_who_may_not_see_what_is_gone_does_not_find_it(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    one, two, three = await talk.post("secret plan", "secret party", "secret but there")
    await talk.edit(one, "public plan")
    await talk.delete(two)

    hits = (await own_reader.read("/messages", token=MESSAGES, q="secret", context=5))["data"]

    assert [hit["id"] for hit in hits] == [three]
    assert "secret party" not in to_json(hits).decode()


async def test_a_hit_has_its_neighbours_in_its_chat(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    said = ["one", "two", "needle", "four", "five"]
    ids = await talk.post(*said)
    await talk.post("elsewhere", chat=7002)

    (hit,) = (await own_reader.read("/messages", q="needle", context=1))["data"]
    (wide,) = (await own_reader.read("/messages", q="needle", context=5))["data"]
    (bare,) = (await own_reader.read("/messages", q="needle"))["data"]

    assert [each["id"] for each in hit["context"]["before"]] == [ids[1]]
    assert [each["text"] for each in hit["context"]["after"]] == ["four"]
    assert [each["text"] for each in wide["context"]["before"]] == ["one", "two"]
    assert [each["text"] for each in wide["context"]["after"]] == ["four", "five"]
    assert "context" not in bare


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_walk_through_hits_meets_each_once(own_reader: Reader, order: str) -> None:
    talk = Talk.at(own_reader)
    ids = await talk.post(*(f"needle {number}" for number in range(5)))
    for message in ids[:3]:
        await talk.edit(message, "another needle")
    asked = {"q": "needle", "in_": "current,versions", "order": order}

    pages = await own_reader.walk("/messages", **asked, limit=2)
    whole = (await own_reader.read("/messages", **asked))["data"]

    places = [(hit["id"], hit["match"]["version"]) for page in pages for hit in page]
    assert places == [(hit["id"], hit["match"]["version"]) for hit in whole]
    assert places == sorted(set(places), reverse=order == "desc")
    assert len(places) == 8


async def test_a_cursor_is_good_for_its_own_search_only(own_reader: Reader) -> None:
    await Talk.at(own_reader).post("needle one", "needle two")
    page = (await own_reader.read("/messages", q="needle", limit=1))["page"]

    response = await own_reader.get("/portals/acme/messages", q="need*", cursor=page["next"])

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_cursor"


async def test_filters_narrow_what_is_found(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    (one,) = await talk.post("needle")
    (two,) = await talk.post("needle", chat=7002, author=41)
    await talk.edit(two, "needle again", chat=7002, author=41)

    async def ids(**filters: Any) -> list[str]:
        return [each for each, _ in await found(own_reader, "needle", **filters)]

    assert await ids() == [one, two]
    assert await ids(chat=7001) == [one]
    assert await ids(author=41) == [two]
    assert await ids(has="edit") == [two]
    assert await ids(has="edit,reply") == []
    assert await ids(state="live", from_="2026-10-01T00:02:00Z") == [two]
    assert await ids(to="2026-10-01T00:02:00Z") == [one]
    assert await ids(chat=7001, order="desc") == [one]


async def test_hits_are_counted_when_asked(own_reader: Reader) -> None:
    await Talk.at(own_reader).post("needle", "needle", "hay")

    counted = (await own_reader.read("/messages", q="needle", count="capped", limit=1))["page"]
    silent = (await own_reader.read("/messages", q="needle"))["page"]

    assert counted["count"] == {"value": 2, "capped": False}
    assert "count" not in silent


async def test_no_search_meets_the_words_of_another_portal(reader: Reader) -> None:
    mine = await reader.read("/messages", q="rollout", in_="current,versions,deleted")
    theirs = await reader.get(
        "/portals/globex/messages",
        token="other",  # noqa: S106 - a name
        q="rollout",
        in_="current,versions,deleted",
    )

    assert mine["data"]
    assert theirs.json()["data"] == []


async def test_an_answer_to_a_search_has_the_text_in_the_form_that_was_asked_for(
    own_reader: Reader,
) -> None:
    """What matched stays as it was sent: the highlights count in it."""
    await Talk.at(own_reader).post("a [b]needle[/b]")

    (hit,) = (await own_reader.read("/messages", q="needle", render="plain"))["data"]

    assert hit["text"] == "a needle"
    assert hit["match"]["text"] == "a [b]needle[/b]"
    assert hit["match"]["highlights"] == [[5, 11]]


async def test_as_of_a_moment_what_was_said_then_is_found(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    (price,) = await talk.post("the price is 120")
    await talk.edit(price, "the price is 150")
    await talk.delete(price)

    assert await texts(own_reader, "120") == []
    assert await texts(own_reader, "120", as_of="2026-10-01T00:01:00Z") == ["the price is 120"]
    assert await texts(own_reader, "150", as_of="2026-10-01T00:01:00Z") == []
    assert await texts(own_reader, "150", as_of="2026-10-01T00:02:00Z") == ["the price is 150"]
    assert await texts(
        own_reader, "120", in_="versions", as_of="2026-10-01T02:02:00", tz="Europe/Berlin"
    ) == ["the price is 120"]


async def test_what_was_taken_back_since_is_not_found_as_of_before(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    ids = await talk.post(*(f"secret {number}" for number in range(5)))
    await talk.edit(ids[0], "public 0")
    await talk.delete(ids[1])
    asked = {"q": "secret", "as_of": "2026-10-01T00:05:00Z", "count": "capped"}

    everything = await own_reader.read("/messages", **asked)
    page = await own_reader.read("/messages", token=MESSAGES, limit=1, **asked)

    assert [hit["id"] for hit in everything["data"]] == ids
    assert everything["page"]["count"] == {"value": 5, "capped": False}
    assert [hit["id"] for hit in page["data"]] == [ids[2]]
    assert page["page"]["count"] == {"value": 3, "capped": False}


async def test_chats_are_found_by_how_the_words_of_their_titles_begin(own_reader: Reader) -> None:
    talk = Talk.at(own_reader)
    for chat in (7001, 7002, 7103):
        await talk.post("hello", chat=chat)

    async def found(q: str, **query: Any) -> list[str]:
        return [each["id"] for each in (await own_reader.read("/chats", q=q, **query))["data"]]

    assert await found("chat 70") == ["7002", "7001"]
    assert await found("CHAT 7103", type="chat") == ["7103"]
    assert await found("CHAT 7103", type="open") == []
    assert await found("700") == ["7002", "7001"]
    assert await found("hat") == []
    assert await found("70", as_of="2026-10-01T00:01:00Z") == ["7001"]
    assert [
        [each["id"] for each in page] for page in await own_reader.walk("/chats", q="chat", limit=1)
    ] == [["7103"], ["7002"], ["7001"]]
