"""The description says what the server does: every route, every parameter, every answer."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.routing import Route

from api.app import create_app
from api.export_orders import ExportOrder
from api.openapi import openapi
from api.operations import OPERATIONS
from api.problems import STATUS
from api.settings import Settings
from eventstore import log
from projections.decode import DECODERS, decode
from projections.read.event_types import EVENT_TYPES
from tests.api.test_access import IDS
from tests.conftest import Reader
from tests.exports import EXPORT

READS = [each for each in OPERATIONS if each.method == "get" and not each.media]


def test_every_mounted_route_is_described() -> None:
    described = {
        (method.upper(), path) for path, methods in openapi()["paths"].items() for method in methods
    }
    mounted = {
        (method, route.path.replace(":path}", "}"))
        for route in create_app(Settings()).routes
        if isinstance(route, Route) and route.path.startswith("/v1")
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert described == mounted


@pytest.mark.parametrize("operation", READS, ids=lambda each: each.path)
async def test_answers_are_of_the_shape_that_is_described(reader: Reader, operation: Any) -> None:
    shape = TypeAdapter(operation.answer)
    ids = {
        "chat": (await reader.read("/chats"))["data"],
        "message": (await reader.read("/messages"))["data"],
        "user": [{"id": each} for each in ("41", "58", "912")],
        "export": [{"id": EXPORT}],
        "position": [{"id": str(position)} for position in range(1, 20)],
    }
    named = re.findall(r"\{(\w+)\}", operation.path)[1:]
    for thing in ids[named[0]] if named else [{"id": ""}]:
        path = operation.path.format(portal="acme", **dict.fromkeys(IDS, thing["id"]))
        for token in ("everything", "messages"):
            response = await reader.get(path.removeprefix("/v1"), token=token)

            if response.status_code == 200:
                shape.validate_json(response.content, strict=True, extra="forbid")
            else:
                assert response.json()["code"] == "scope_missing"


def test_every_code_is_described_with_its_status() -> None:
    for operation in OPERATIONS:
        responses = openapi()["paths"][operation.path][operation.method]["responses"]
        for code in operation.codes:
            schema = responses[str(STATUS[code].value)]["content"]["application/problem+json"]
            assert code in str(schema)


def test_every_reference_leads_somewhere() -> None:
    described = openapi()

    referred = set(re.findall(r"#/components/schemas/(\w+)", str(described)))

    assert referred <= described["components"]["schemas"].keys()


def test_a_parameter_says_what_it_must_be() -> None:
    operation = openapi()["paths"]["/v1/portals/{portal}/messages"]["get"]

    parameters = {each["name"]: each for each in operation["parameters"]}

    assert parameters["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 500,
        "default": 100,
    }
    assert parameters["from"]["schema"] == {"type": "string", "format": "date-time"}
    assert parameters["state"]["schema"] == {"type": "string", "enum": ["live", "deleted"]}
    assert parameters["portal"]["required"] is True
    assert operation["security"] == [{"token": ["messages:read"]}]


async def test_every_event_is_described_with_all_that_it_says(reader: Reader) -> None:
    said = {each.event_type: set(each.facts) for each in EVENT_TYPES}

    async with reader.served.state.log.reading() as session:
        events = await log.page(session, reader.served.portal.id, after=0, limit=500)

    assert said.keys() == DECODERS.keys()
    for event in events:
        if event.event_type in said:
            assert {fact.kind for fact in decode(event).facts} <= said[event.event_type]


async def test_the_page_is_whole_and_asks_for_nothing(reader: Reader) -> None:
    response = await reader.served.client.get("/docs")

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src")
    assert not re.search(r"<script|<img|<link|https?://|url\(", response.text)
    for operation in OPERATIONS:
        assert f"</span> {operation.path}</code>" in response.text
    linked = set(re.findall(r"href='#([^']+)'", response.text))
    assert linked <= set(re.findall(r"id='?([\w.-]+)", response.text))


async def test_the_document_is_served(reader: Reader) -> None:
    response = await reader.served.client.get("/openapi.json")

    assert response.json() == openapi()
    assert response.json()["openapi"] == "3.1.0"


def test_what_can_be_followed_is_described_as_a_stream_too() -> None:
    paths = openapi()["paths"]

    followed = {each.path for each in READS if "text/event-stream" in str(paths[each.path]["get"])}

    assert followed == {"/v1/portals/{portal}/changes", "/v1/portals/{portal}/events"}


async def test_what_may_stand_in_a_body_is_described(reader: Reader) -> None:
    path = "/v1/portals/{portal}/exports"
    taken = openapi()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    page = (await reader.served.client.get("/docs")).text

    assert taken["properties"].keys() == ExportOrder.model_fields.keys()
    assert taken["additionalProperties"] is False
    for name in ExportOrder.model_fields:
        assert f"<tr><td><code>{name}</code>" in page
