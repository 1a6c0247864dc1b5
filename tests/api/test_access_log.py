"""Who looked is in the access log before anybody sees anything; and nobody sees what is not."""

import re
from typing import Any

import pytest

from api.resources import ENDPOINTS
from eventstore.log import heads_of
from eventstore.store import Store
from projections.verify_log import verify_access_log
from tests.api.test_access import IDS
from tests.conftest import Reader
from tests.engines import damage, query, step_aside

MESSAGE = "/messages/190411"


async def entries(reader: Reader, **filters: Any) -> list[Any]:
    """Return what the access log of the samples' portal has."""
    data: list[Any] = (await reader.read("/access", limit=500, **filters))["data"]
    return data


async def head(reader: Reader) -> int:
    """Return the newest position, looking where nobody sees it."""
    return (await heads_of(reader.served.store.access_log))[reader.served.portal.id]


async def newest(reader: Reader) -> Any:
    return (await entries(reader, after=await head(reader) - 1))[0]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_every_resource_is_recorded_with_what_was_asked_and_answered(
    reader: Reader, endpoint: Any
) -> None:
    path = endpoint.path.removeprefix("/v1").format(portal="acme", **IDS)
    named = set(re.findall(r"\{(\w+)\}", endpoint.path)) - {"portal"}

    response = await reader.get(path, min_position="1")

    entry = await newest(reader)
    answered = response.json()
    tokens = reader.served.state.snapshot.tokens.values()
    assert entry["kind"] == "read"
    assert entry["route"] == endpoint.path
    assert entry["ids"] == {name: IDS[name] for name in named}
    assert entry["filters"] == {"min_position": "1"}
    assert entry["answered_position"] == answered["meta"]["position"]
    assert entry["count"] == (len(answered["data"]) if isinstance(answered["data"], list) else 1)
    assert entry["status"] == 200
    assert entry["request_id"] == response.headers["X-Request-Id"]
    assert entry["token"] in {token.id for token in tokens if "audit" in token.scopes}


async def test_that_nothing_changed_is_an_answer_too(reader: Reader) -> None:
    tag = (await reader.get(f"/portals/acme{MESSAGE}")).headers["ETag"]

    response = await reader.served.client.get(
        f"/v1/portals/acme{MESSAGE}",
        headers={
            "Authorization": f"Bearer {reader.tokens['everything']}",
            "If-None-Match": tag,
        },
    )

    assert response.status_code == 304
    entry = await newest(reader)
    assert (entry["request_id"], entry["status"]) == (response.headers["X-Request-Id"], 304)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/messages/1", "everything", 404),
        ("/messages/x", "everything", 404),
        (MESSAGE, "events", 403),
        (MESSAGE, "other", 404),
        (MESSAGE, "expired", 401),
    ],
)
async def test_who_is_shown_nothing_has_not_looked(
    reader: Reader, path: str, token: str, status: int
) -> None:
    await reader.read(MESSAGE)
    before = await head(reader)

    response = await reader.get(f"/portals/acme{path}", token=token)

    assert response.status_code == status
    assert await head(reader) == before


async def test_a_request_has_our_name_and_keeps_its_callers(reader: Reader) -> None:
    async def named(name: bytes) -> tuple[str, Any]:
        response = await reader.served.client.get(
            f"/v1/portals/acme{MESSAGE}",
            headers=[
                (b"Authorization", f"Bearer {reader.tokens['everything']}".encode()),
                (b"X-Request-Id", name),
            ],
        )
        return response.headers["X-Request-Id"], await newest(reader)

    ours, entry = await named(b"trace-7f/9")
    refused = [(await named(name))[1] for name in (b"", b"a b", "ü".encode(), b"x" * 129)]

    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-.*", ours)
    assert (entry["request_id"], entry["caller_request_id"]) == (ours, "trace-7f/9")
    assert [each["caller_request_id"] for each in refused] == [None] * 4


async def test_every_answer_has_a_name(reader: Reader) -> None:
    for path in ("/v1/nowhere", "/healthz", "/v1/portals/acme/messages"):
        response = await reader.served.client.get(path)
        assert len(response.headers["X-Request-Id"]) == 36


async def test_of_a_cursor_its_key_is_kept(reader: Reader) -> None:
    page = await reader.read("/messages", limit=1)

    await reader.read("/messages", limit=1, cursor=page["page"]["next"])

    entry = await newest(reader)
    assert entry["filters"] == {"limit": "1", "cursor": [int(page["data"][0]["id"])]}


async def test_the_log_is_read_by_token_by_time_and_from_a_position(reader: Reader) -> None:
    for token in ("messages", "both", "messages"):
        await reader.get(f"/portals/acme{MESSAGE}", token=token)
    before = await head(reader) - 3
    first, by_both, last = await entries(reader, after=before)

    of_token = await entries(reader, after=before, token_=first["token"])
    behind = await entries(reader, after=first["position"])
    window = await entries(reader, from_=first["at"], to=last["at"])

    assert of_token == [first, last]
    assert behind[:2] == [by_both, last]
    assert window == [first, by_both]


async def test_as_of_a_moment_it_ends_with_what_had_been_read(own_reader: Reader) -> None:
    for _ in range(3):
        await own_reader.read("/chats")
    entries = (await own_reader.read("/access"))["data"]
    second = entries[1]["at"]

    then = (await own_reader.read("/access", as_of=second))["data"]
    before = (await own_reader.read("/access", as_of_position=1))["data"]

    assert [each["position"] for each in then] == [
        each["position"] for each in entries if each["at"] <= second
    ]
    assert before == []


async def test_a_walk_ends_though_every_page_of_it_is_recorded(own_reader: Reader) -> None:
    for _ in range(7):
        await own_reader.read(MESSAGE)

    pages = await own_reader.walk("/access", limit=3)

    assert [[entry["position"] for entry in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]
    assert await head(own_reader) == 10


async def test_a_portal_has_a_log_of_its_own(own_reader: Reader) -> None:
    await own_reader.read("/chats")
    await own_reader.get("/portals/globex/messages", token="both")  # noqa: S106 - a name

    mine = await entries(own_reader)
    theirs = await own_reader.get("/portals/globex/access", token="other")  # noqa: S106 - a name

    assert [entry["route"] for entry in mine] == ["/v1/portals/{portal}/chats"]
    assert [entry["route"] for entry in theirs.json()["data"]] == ["/v1/portals/{portal}/messages"]
    assert theirs.json()["data"][0]["position"] == 1


async def test_what_cannot_be_recorded_is_not_shown(own_reader: Reader) -> None:
    store = own_reader.served.store
    await own_reader.read(MESSAGE)
    await damage(store.access_log, "ALTER TABLE log_head RENAME TO gone")
    refused = [
        await own_reader.get(f"/portals/acme{path}")
        for path in (MESSAGE, "/messages", "/events", "/access")
    ]
    await damage(store.access_log, "ALTER TABLE gone RENAME TO log_head")
    again = await own_reader.get(f"/portals/acme{MESSAGE}")

    assert {response.status_code for response in refused} == {503}
    for response in refused:
        problem = response.json()
        assert problem["code"] == "access_log_unavailable"
        assert problem.keys() == {"type", "title", "status", "code", "detail"}
        assert "ETag" not in response.headers
        assert response.headers["Retry-After"] == "1"
    assert again.status_code == 200


async def test_events_are_taken_in_while_nobody_can_read(own_reader: Reader) -> None:
    await damage(own_reader.served.store.access_log, "ALTER TABLE log_head RENAME TO gone")

    taken = await own_reader.served.hook(b'{"event": "ONSOMETHINGNEW"}', "application/json")

    assert taken.status_code == 200


CHANGES = {
    "position": "position + 1000",
    "key": "'another'",
    "source": "'import'",
    "receiver": "'token:000000000000'",
    "sequence": "7",
    "event_type": "'STREAM_OPENED'",
    "received_at": "received_at + 1",
    "sent_at": "1",
    "payload": "replace(payload, '190411', '190412')",
    "salt": "commitment",
    "commitment": "salt",
    "leaf": "commitment",
}
"""Another value for each column of the access log."""


@pytest.mark.parametrize("column", CHANGES)
async def test_an_entry_that_was_changed_is_named(own_reader: Reader, column: str) -> None:
    store = own_reader.served.store
    for _ in range(3):
        await own_reader.read(MESSAGE)
    assert await differences(own_reader) == []

    await damage(
        store.access_log,
        f"UPDATE event SET {column} = {CHANGES[column]} WHERE portal_id = 1 AND position = 2",  # noqa: S608
    )

    found = await differences(own_reader)
    assert found
    assert found[0].startswith("access event 3" if column == "position" else "access event 2")


async def differences(reader: Reader) -> list[str]:
    found = verify_access_log(reader.served.store, [reader.served.portal], lambda *_: None)
    return [each.place async for each in found]


async def test_an_entry_cannot_be_changed_or_taken_away(own_reader: Reader) -> None:
    store: Store = own_reader.served.store
    await own_reader.read(MESSAGE)
    session = await store.access_log.open_writer()
    try:
        await step_aside(session)
        for statement in (
            "UPDATE event SET receiver = 'token:another'",
            "DELETE FROM event",
            "UPDATE log_head SET position = 0",
        ):
            with pytest.raises(Exception, match="the log is immutable"):
                await session.execute(statement)
    finally:
        await session.close()

    assert await query(store.access_log, "SELECT count(*) FROM event") == [(1,)]
