"""What a reader may not ask: each refusal has its code, and repeats no value."""

import pytest

import api.endpoint
from api.parameters import fields_of, moment_of
from api.resources import ENDPOINTS
from tests.api.test_access import IDS, PATHS
from tests.conftest import Reader

MESSAGES = "/messages"
TIMELINE = "/chats/2207/messages"


@pytest.mark.parametrize(
    ("path", "query", "code", "parameter"),
    [
        (MESSAGES, "limit=0", "invalid_parameter", "limit"),
        (MESSAGES, "limit=501", "invalid_parameter", "limit"),
        (MESSAGES, "limit=ten", "invalid_parameter", "limit"),
        (MESSAGES, "limit=", "invalid_parameter", "limit"),
        (MESSAGES, "limit=1_0", "invalid_parameter", "limit"),
        (MESSAGES, "limit=%2B1", "invalid_parameter", "limit"),
        (MESSAGES, "limit=1&limit=2", "invalid_parameter", "limit"),
        (MESSAGES, "chat=-1", "invalid_parameter", "chat"),
        (MESSAGES, f"author={2**63}", "invalid_parameter", "author"),
        (MESSAGES, f"author={'9' * 5000}", "invalid_parameter", "author"),
        (MESSAGES, "author=%D9%A1", "invalid_parameter", "author"),
        (MESSAGES, "state=gone", "invalid_parameter", "state"),
        (MESSAGES, "from=yesterday", "invalid_parameter", "from"),
        (MESSAGES, "from=1789370100", "invalid_parameter", "from"),
        (MESSAGES, "from=2026-09-14T10:15:00+03:00", "invalid_parameter", "from"),
        (MESSAGES, "from=2026-09-14T07:15:00", "naive_timestamp", "from"),
        (MESSAGES, "from=2026-09-14t07:15:00.5", "naive_timestamp", "from"),
        (MESSAGES, "to=2026-09-14", "naive_timestamp", "to"),
        *(
            (MESSAGES, f"to={moment}", "invalid_parameter", "to")
            for moment in (
                *("2026-09-14Z", "2026-09-14T07Z", "2026-09-14T07:15Z"),
                *("2026-W38-1T07:15:00Z", "2026-W38-1", "20260914T071500Z", "2026-257T07:15:00Z"),
                *("2026-09-14T071500Z", "20260914T07:15:00Z", "2026-09-14_07:15:00Z"),
                *("2026-09-14%2007:15:00Z", "2026-09-14T07:15:00,5Z", "2026-09-14T07:15:00.Z"),
                *("2026-09-14T07:15:00.0000000Z", "2026-09-14T07:15:00.1234567"),
                *("2026-09-14T07:15:00%2B03", "2026-09-14T07:15:00%2B0300"),
                *("2026-09-14T07:15:00%2B03:00:01", "2026-09-14T07:15:00%2B24:00"),
                *("2026-09-14T07:15:00Z%0A", "2026-02-30T07:15:00Z", "2026-09-14T24:15:00Z"),
                *("2026-09-14T07:15:00%E2%88%9203:00", "%D9%A2026-09-14T07:15:00Z"),
                *("2026-09-14T24:00:00Z", "2026-09-14T07:15:00%2B03:60"),
            )
        ),
        (MESSAGES, "from=2026-09-15T00:00:00Z&to=2026-09-14T00:00:00Z", "window_reversed", "from"),
        (MESSAGES, "from=2026-09-14T00:00:00Z&to=2026-09-14T00:00:00Z", "window_reversed", "from"),
        (MESSAGES, "min_position=x", "invalid_parameter", "min_position"),
        (MESSAGES, "Chat=2207", "unknown_parameter", "Chat"),
        (MESSAGES, "cursor=", "invalid_cursor", "cursor"),
        (MESSAGES, "cursor=abc", "invalid_cursor", "cursor"),
        (MESSAGES, "cursor=%00", "invalid_parameter", "cursor"),
        (MESSAGES, "cursor=%F0%9F%90%99", "invalid_cursor", "cursor"),
        (TIMELINE, "before=190411&after=190402", "invalid_parameter", "after"),
        (TIMELINE, "around=first", "invalid_parameter", "around"),
        ("/chats", "type=", "invalid_parameter", "type"),
        ("/chats/2207/members", "view=all", "invalid_parameter", "view"),
        ("/events", "after=-1", "invalid_parameter", "after"),
        ("/messages/190411", "limit=1", "unknown_parameter", "limit"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_400(
    reader: Reader, path: str, query: str, code: str, parameter: str
) -> None:
    address = f"/v1/portals/acme{path}?{query}"
    token = {"Authorization": f"Bearer {reader.tokens['everything']}"}

    response = await reader.served.client.get(address, headers=token)

    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.json()["code"], response.json()["parameter"]) == (code, parameter)
    value = query.partition("=")[2]
    assert len(value) < 5 or value not in response.text


@pytest.mark.parametrize(
    "moment",
    [
        *("2026-09-14T07:15:00Z", "2026-09-14t07:15:00z", "2026-09-14T07:15:00.000000Z"),
        *("2026-09-14T10:15:00.0+03:00", "2026-09-14T07:15:00-00:00", "2026-09-14T01:45:00-05:30"),
    ],
)
def test_a_time_is_one_of_rfc_3339(moment: str) -> None:
    assert moment_of(moment) == 1_789_370_100_000_000


@pytest.mark.parametrize("name", ["text", "as_at", "as_of_positions", "difference", "x" * 5000])
@pytest.mark.parametrize("path", ["/portals", "/event-types", *PATHS])
async def test_a_parameter_that_nobody_knows_is_400(reader: Reader, path: str, name: str) -> None:
    response = await reader.get(path, **{name: "1"})

    assert response.status_code == 400
    assert response.json()["code"] == "unknown_parameter"
    assert name.startswith(response.json()["parameter"])
    assert len(response.content) < 1000


INJECTION = "1' OR '1'='1; DROP TABLE message; --"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (endpoint.path.removeprefix("/v1").format(portal="acme", **IDS), name)
        for endpoint in ENDPOINTS
        for name in fields_of(endpoint.query)
        if name not in {"type", "q"}
    ],
)
async def test_sql_is_no_value_of_any_parameter(reader: Reader, path: str, name: str) -> None:
    response = await reader.get(path, **{f"{name}_": INJECTION})

    assert response.status_code == 400
    assert "DROP" not in response.text


async def test_a_chat_type_and_a_search_are_compared_and_nothing_more(reader: Reader) -> None:
    assert (await reader.read("/chats", type=INJECTION))["data"] == []
    assert (await reader.read("/messages", q=INJECTION))["data"] == []
    assert len((await reader.read("/chats"))["data"]) > 1


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "-1",
        "1.0",
        "%D9%A1",
        str(2**63),
        "9" * 5000,
        "1%20OR%201=1",
        "..",
        "..%2F..%2Fcatalog.db",
        "%2e%2e%2fetc%2fpasswd",
        "1%00",
        "999",
    ],
)
@pytest.mark.parametrize(
    "path", [each.path for each in ENDPOINTS if each.path.count("{") > 1], ids=lambda path: path
)
async def test_what_names_nothing_is_404(reader: Reader, path: str, piece: str) -> None:
    address = path.format(portal="acme", **dict.fromkeys(IDS, piece))
    token = {"Authorization": f"Bearer {reader.tokens['everything']}"}

    response = await reader.served.client.get(address, headers=token)

    assert response.status_code in ({404, 200} if piece == ".." else {404})
    assert "passwd" not in response.text
    assert "catalog" not in response.text


async def test_a_request_may_wait_for_what_it_wrote(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.endpoint, "_PATIENCE", 0.05)
    head = reader.served.state.head(reader.served.portal)

    there = await reader.get("/portals/acme", min_position=head)
    behind = await reader.get("/portals/acme", min_position=head + 1)

    assert there.status_code == 200
    assert behind.status_code == 503
    assert behind.json()["code"] == "projection_behind"
    assert behind.headers["Retry-After"] == "1"


async def test_other_methods_are_refused(reader: Reader) -> None:
    token = {"Authorization": f"Bearer {reader.tokens['everything']}"}

    response = await reader.served.client.delete("/v1/portals/acme/messages", headers=token)

    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/portals/acme/events", {"GET", "HEAD", "POST"}),
        ("/v1/portals/acme/messages", {"GET", "HEAD"}),
        ("/v1/hooks/unknown", {"POST"}),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS"])
async def test_every_method_that_an_address_knows_is_named(
    reader: Reader, path: str, methods: set[str], method: str
) -> None:
    response = await reader.served.client.request(method, path)

    assert response.status_code == 405
    assert response.headers.get_list("Allow", split_commas=True) == sorted(methods)
