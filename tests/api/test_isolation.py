"""What one portal's readers get has nothing of another portal's, whatever happens there."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from pydantic_core import to_json

from api.resources import ENDPOINTS
from tests import samples
from tests.api.test_access import IDS, READABLE
from tests.conftest import OTHER, OTHER_WORDS, Reader
from tests.promises.server import JSON, SLUG

TOKENS: Final = [*READABLE, "other", "both", "nowhere", "expired", "revoked", "unknown"]
ASKED: Final[dict[str, list[dict[str, Any]]]] = {
    "/v1/portals/{portal}/messages": [
        {"limit": 1},
        {"q": "milk", "count": "capped"},
        {"q": "who*", "in": "current,versions,deleted", "context": 1},
        {"state": "deleted", "count": "capped"},
        {"chat": 2208},
    ],
    "/v1/portals/{portal}/chats": [{"limit": 1}, {"type": "chat"}],
    "/v1/portals/{portal}/events": [{"limit": 2}, {"after": 10**6}],
    "/v1/portals/{portal}/undecoded": [{"limit": 1}],
}
"""More to ask of some resources than all that there is."""

MOMENTS: Final[list[dict[str, Any]]] = [
    {},
    {"as_of": "2026-09-14T08:00:00Z"},
    {"as_of_position": 9},
    {"as_of_position": 10**6},
    {"cursor": "of-nobody"},
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_who_may_read_what(reader: Reader, endpoint: Any, token: str) -> None:
    """Every route, of one portal and of another, with every kind of token."""
    sees = {"other": {OTHER}, "both": {SLUG, OTHER}, "nowhere": set()}.get(token, {SLUG})
    scopes = READABLE.get(token, {"messages:read", "events:read"})
    if token == "other":  # noqa: S105 - a name
        scopes = READABLE["everything"]

    for portal in (SLUG, OTHER, "initech"):
        path = endpoint.path.removeprefix("/v1").format(portal=portal, **IDS)
        response = await answer(reader, path, token)

        if token in {"expired", "revoked", "unknown"}:
            assert response.status_code == 401
        elif portal not in sees and not (token == "writer" and portal == OTHER):  # noqa: S105
            assert response.status_code == 404
            assert response.json()["code"] == "not_found"
        elif scopes.isdisjoint(endpoint.scopes):
            assert response.status_code == 403
            assert response.json()["code"] == "scope_missing"
            assert response.json()["scope"] == endpoint.scopes[0]
        else:  # the samples' portal has everything that the addresses name
            assert response.status_code in ({200} if portal == SLUG else {200, 404})


async def test_what_happens_in_another_portal_changes_no_byte_here(own_reader: Reader) -> None:
    """Not a text, a count, a cursor, an ETag or an error: as if the other one were not there."""
    before = [await said(own_reader, *question) for question in questions()]

    await live_on_elsewhere(own_reader)

    after = [await said(own_reader, *question) for question in questions()]
    assert after == before
    statuses = {status for answers in before for status, _, _ in answers}
    assert statuses == {200, 304, 400, 403, 404}
    theirs = await answer(own_reader, f"/portals/{OTHER}/messages?q=milk", "other")
    assert len(theirs.json()["data"]) > 30


async def test_a_tag_of_another_portals_answer_is_no_match_here(reader: Reader) -> None:
    for endpoint in ENDPOINTS:
        path = endpoint.path.removeprefix("/v1")
        mine = await answer(reader, path.format(portal=SLUG, **IDS), "everything")
        theirs = await answer(reader, path.format(portal=OTHER, **IDS), "other")

        if theirs.status_code == 200 and mine.json()["data"] != theirs.json()["data"]:
            assert mine.headers["etag"] != theirs.headers["etag"]


async def test_no_search_finds_a_word_of_another_portal(own_reader: Reader) -> None:
    everywhere = {"in_": "current,versions,deleted", "count": "capped"}
    my_words, their_words = "please log the rollout plan", "who took the milk"
    assert OTHER_WORDS[my_words] == their_words

    mine = await own_reader.read("/messages", q=my_words, **everywhere)
    not_mine = await own_reader.read("/messages", q=their_words, **everywhere)
    theirs = await own_reader.get(
        f"/portals/{OTHER}/messages",
        token="other",  # noqa: S106 - a name
        q=their_words,
        **everywhere,
    )

    assert mine["data"]
    assert theirs.json()["data"]
    assert (not_mine["data"], not_mine["page"]["count"]["value"]) == ([], 0)


def questions() -> Iterator[tuple[str, dict[str, Any]]]:
    """All that can be asked of a portal; who looked is left out, since asking is looking."""
    for endpoint in ENDPOINTS:
        if endpoint.scopes == ("audit",):
            continue
        path = endpoint.path.removeprefix("/v1").format(portal=SLUG, **IDS)
        missing = endpoint.path.removeprefix("/v1").format(
            portal=SLUG, **dict.fromkeys(IDS, "4711")
        )
        for query in [*MOMENTS, *ASKED.get(endpoint.path, [])]:
            yield path, query
        yield missing, {}


async def said(reader: Reader, path: str, query: dict[str, Any]) -> list[Any]:
    """All that is answered, with three tokens, and to who has that answer already."""
    answers = []
    for token in ("everything", "messages", "events"):
        response = await reader.get(path, token=token, **query)
        tag = response.headers.get("etag", "none")
        again = await answer(reader, path, token, query, {"If-None-Match": tag})
        answers.append((response.status_code, tag, response.content))
        answers.append((again.status_code, again.headers.get("etag"), again.content))
    return answers


async def answer(
    reader: Reader,
    path: str,
    token: str,
    query: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Ask with a token of any kind, also with one that nobody ever made."""
    secret = reader.tokens.get(token, "chronicle_nobody")
    return await reader.served.client.get(
        f"/v1{path}",
        params=query,
        headers={"Authorization": f"Bearer {secret}", **(headers or {})},
    )


async def live_on_elsewhere(reader: Reader) -> None:
    """Let the other portal have more of everything, under the same numbers."""
    body = samples.tree("im_v2/onimv2messageadd_private_own.json")
    for number in range(40):
        body["eventId"] = 900_000 + number
        body["data"]["message"]["id"] = 190_411 + number
        body["data"]["message"]["chatId"] = body["data"]["chat"]["id"] = 2207
        body["data"]["message"]["text"] = f"who took the milk, number {number}"
        response = await reader.served.client.post(
            f"/v1/portals/{OTHER}/events",
            params={"receiver": "user:58"},
            content=to_json(body),
            headers={"Authorization": f"Bearer {reader.tokens['writer']}", "Content-Type": JSON},
        )
        assert response.status_code == 200
    state = reader.served.state
    await state.live.catch_up()
    await state.refresh()
