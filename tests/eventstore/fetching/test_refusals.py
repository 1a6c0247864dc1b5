"""What a portal says in words may hold a secret: its code alone is told, if it is one."""

import json
from typing import Any

import pytest
import requests
from b24pysdk.api.requesters import BitrixAPIRequester
from b24pysdk.errors import BitrixRequestError, BitrixRequestTimeout

from eventstore.errors import EventstoreError
from eventstore.fetching.portal_client import (
    AuthFailed,
    BotNotFound,
    NotSubscribed,
    PortalError,
    RateLimited,
    Refused,
    Unreachable,
)
from eventstore.fetching.refusals import refusal

SECRET = "FAKE_SECRET"  # noqa: S105 - of nobody


def answered(status: int, body: Any, **headers: str) -> EventstoreError:
    """Return what an answer of a portal means, as the SDK reads it."""
    response = requests.Response()
    response.status_code = status
    response.url = f"https://acme.example/rest/27/{SECRET}/im.v2.Event.get.json"
    response._content = body if isinstance(body, bytes) else json.dumps(body).encode()  # noqa: SLF001
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever the SDK has
        BitrixAPIRequester._parse_response(response)  # noqa: SLF001
    return refusal("im.v2.Event.get", failed.value)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "INVALID_CREDENTIALS", AuthFailed),
        (401, "expired_token", AuthFailed),
        (401, "SOMETHING_NEW", AuthFailed),
        (403, "SCOPE_ERROR", AuthFailed),
        (400, "USER_NOT_SUBSCRIBED", NotSubscribed),
        (400, "BOT_NOT_FOUND", BotNotFound),
        (403, "BOT_OWNERSHIP_ERROR", BotNotFound),
        (503, "QUERY_LIMIT_EXCEEDED", RateLimited),
        (429, "SOMETHING_NEW", RateLimited),
        (429, "OPERATION_TIME_LIMIT", RateLimited),
        (500, "INTERNAL_SERVER_ERROR", Unreachable),
        (403, "ACCESS_ERROR", Refused),
        (200, "WHATEVER", Refused),
    ],
)
def test_a_refusal_is_told_by_its_code_alone(
    status: int, code: str, error: type[PortalError]
) -> None:
    told = answered(status, {"error": code, "error_description": f"not for {SECRET}"})

    assert type(told) is error
    assert str(told) == f"im.v2.Event.get: {code.upper()}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": f"no {SECRET}", "error_description": SECRET}),
        (400, {"error": {"code": f"no {SECRET}", "message": SECRET}}),
        (502, {"error": SECRET.lower() + "!"}),
        (502, f"<html>{SECRET}</html>".encode()),
        (302, SECRET.encode()),
        (200, SECRET.encode()),
    ],
)
def test_what_is_no_code_is_not_told(status: int, body: Any) -> None:
    assert SECRET not in str(answered(status, body)).upper()


def test_how_long_to_wait_is_told() -> None:
    limit = {"error": "QUERY_LIMIT_EXCEEDED"}
    spent = {
        "error": "OPERATION_TIME_LIMIT",
        "time": {"finish": 1_789_370_000.5, "operating_reset_at": 1_789_370_400},
    }

    waits = [answered(503, limit), answered(503, limit, Retry_After="7"), answered(429, spent)]

    assert [(each.retry_after, each.budget) for each in waits if isinstance(each, RateLimited)] == [
        (None, False),
        (7.0, False),
        (399.5, True),
    ]


def test_what_requests_says_of_a_url_is_not_told() -> None:
    url = f"https://acme.example/rest/27/{SECRET}/"
    failed = [
        BitrixRequestError(requests.ConnectionError(url)),
        BitrixRequestError(requests.exceptions.SSLError(url)),
        BitrixRequestTimeout(requests.ReadTimeout(url), timeout=5),
        ValueError(url),
    ]

    told = [str(refusal("m", each)) for each in failed]

    assert told == [
        "m: no connection (ConnectionError)",
        "m: the certificate is not trusted: CHRONICLE_CA_BUNDLE says whom to trust",
        "m: no answer in time",
        "m: no answer that can be read (ValueError)",
    ]
