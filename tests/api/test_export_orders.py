"""What is said of an order that cannot be carried out."""

from typing import Any

import pytest

from tests.conftest import Reader
from tests.exports import EXPORT, Orderer
from tests.promises.server import SLUG


@pytest.mark.parametrize(
    ("asked", "code", "parameter"),
    [
        ({"fromat": "csv"}, "unknown_parameter", "fromat"),
        ({"portal": "globex"}, "unknown_parameter", "portal"),
        ({"withhold": False}, "unknown_parameter", "withhold"),
        ({"format": "xlsx"}, "invalid_parameter", "format"),
        ({"format": 1}, "invalid_parameter", "format"),
        ({"tables": "messages"}, "invalid_parameter", "tables"),
        ({"tables": []}, "invalid_parameter", "tables"),
        ({"tables": ["messages", "fact"]}, "invalid_parameter", "tables"),
        ({"from_position": 0}, "invalid_parameter", "from_position"),
        ({"from_position": "1"}, "invalid_parameter", "from_position"),
        ({"from_position": True}, "invalid_parameter", "from_position"),
        ({"from_position": 2**63}, "invalid_parameter", "from_position"),
        ({"from_position": 10**6}, "invalid_parameter", "from_position"),
        ({"chats": []}, "invalid_parameter", "chats"),
        ({"chats": [2207]}, "invalid_parameter", "chats"),
        ({"chats": ["x"]}, "invalid_parameter", "chats"),
        ({"chats": ["4711"]}, "invalid_parameter", "chats"),
        ({"chats": ["1"] * 501}, "invalid_parameter", "chats"),
        ({"as_of": 1_789_400_000}, "invalid_parameter", "as_of"),
        ({"as_of": "2999-01-01T00:00:00Z"}, "invalid_parameter", "as_of"),
        ({"as_of": "yesterday"}, "invalid_parameter", "as_of"),
        ({"as_of": "2026-09-14T08:00:00"}, "naive_timestamp", "as_of"),
        ({"since": "2026-09-14"}, "naive_timestamp", "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "invalid_parameter", "since"),
        ({"until": "9999-12-31T23:59:59-12:00"}, "invalid_parameter", "until"),
        (
            {"since": "2026-09-14T08:00:00Z", "until": "2026-09-14T08:00:00Z"},
            "window_reversed",
            "since",
        ),
        ({"formula_guard": "no"}, "invalid_parameter", "formula_guard"),
        ({"byte_order_mark": 1}, "invalid_parameter", "byte_order_mark"),
    ],
)
async def test_an_order_that_cannot_be_read_is_answered_with_the_place(
    someone: Orderer, asked: dict[str, Any], code: str, parameter: str
) -> None:
    answer = await someone.ask("POST", "", body=asked)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["parameter"] == parameter
    assert f"`{parameter}`" in answer.json()["detail"] or "no field" in answer.json()["detail"]
    orders = someone.served.state.exporting.orders
    assert [str(each.number) for each in orders.all()] == [EXPORT]


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'"x"', b"format=csv", b"\xff"])
async def test_a_body_that_is_no_object_is_unreadable(reader: Reader, body: bytes) -> None:
    answer = await reader.served.client.post(
        f"/v1/portals/{SLUG}/exports",
        content=body,
        headers={"Authorization": f"Bearer {reader.tokens['everything']}"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
