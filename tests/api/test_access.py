"""Who may read what, and what is refused how."""

import pytest

from api.resources import ENDPOINTS
from tests.conftest import OTHER_WORDS, Reader
from tests.exports import EXPORT

IDS = {"chat": "2207", "message": "190411", "user": "41", "position": "1", "export": EXPORT}
PATHS = [each.path.removeprefix("/v1").format(portal="acme", **IDS) for each in ENDPOINTS]
READABLE = {
    "everything": {"messages:read", "messages:read.deleted", "events:read", "export", "audit"},
    "messages": {"messages:read"},
    "events": {"events:read"},
    "auditor": {"audit"},
    "writer": {"events:write"},
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_portal_of_others_is_as_unknown_as_one_that_does_not_exist(
    reader: Reader, path: str
) -> None:
    theirs = await reader.get(path, token="other")  # noqa: S106 - a name
    nowhere = await reader.get(path, token="nowhere")  # noqa: S106 - a name
    unknown = await reader.get(path.replace("/acme", "/initech"))

    assert {theirs.status_code, nowhere.status_code, unknown.status_code} == {404}
    assert theirs.content == nowhere.content == unknown.content


@pytest.mark.parametrize(
    ("token", "code"), [("expired", "token_expired"), ("revoked", "token_unknown")]
)
@pytest.mark.parametrize("path", ["/portals", *PATHS])
async def test_a_token_that_is_no_longer_good_is_401(
    reader: Reader, path: str, token: str, code: str
) -> None:
    response = await reader.get(path, token=token)

    assert response.status_code == 401
    assert response.json()["code"] == code
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/portals", *PATHS])
async def test_without_a_token_nothing_is_said(reader: Reader, path: str) -> None:
    response = await reader.served.client.get(f"/v1{path}", params={"nonsense": "1"})

    assert response.status_code == 401
    assert response.json()["code"] == "token_missing"


async def test_a_token_sees_its_portals_only(reader: Reader) -> None:
    mine = (await reader.get("/portals")).json()["data"]
    both = (await reader.get("/portals", token="both")).json()["data"]  # noqa: S106 - a name
    none = (await reader.get("/portals", token="nowhere")).json()["data"]  # noqa: S106 - a name

    assert [each["portal"] for each in mine] == ["acme"]
    assert [each["portal"] for each in both] == ["acme", "globex"]
    assert none == []


async def test_no_answer_has_a_word_of_another_portal(reader: Reader) -> None:
    mine, theirs = "", ""
    for path in PATHS:
        for query in ({}, {"view": "intervals"}):
            mine += (await reader.get(path, **query)).text
            theirs += (
                await reader.get(path.replace("/acme", "/globex"), token="other", **query)  # noqa: S106 - a name
            ).text

    for my_word, their_word in OTHER_WORDS.items():
        assert my_word in mine
        assert their_word in theirs
        assert my_word not in theirs
        assert their_word not in mine


async def test_what_an_event_type_is_anybody_may_know(reader: Reader) -> None:
    response = await reader.served.client.get("/v1/event-types")

    assert response.status_code == 200
    assert {"event_type": "ONIMV2JOINCHAT", "family": "im_v2", "facts": ["member_joined"]} in (
        response.json()["data"]
    )
