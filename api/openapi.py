"""The description of the HTTP contract, made from the operations themselves: OpenAPI 3.1."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from api.answers import cacheable
from api.models import ProblemBody
from api.operations import OPERATIONS, Operation
from api.problems import STATUS

_EXAMPLES: Final[Mapping[str, Any]] = from_json(
    resources.files("api").joinpath("examples.json").read_bytes()
)
"""What a server with the events of the demo answers, by path: `make docs` writes it."""

_REF: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_IN_PATH: Final = {
    "portal": ({"type": "string"}, "the slug of a portal"),
    "ingest_key": ({"type": "string"}, "the secret that `chronicle portal add` printed"),
    "position": ({"type": "string", "pattern": "^[0-9]{1,19}$"}, "a position in the log"),
    "path": ({"type": "string"}, "the path of a file, as the export names it"),
}
_ID_IN_PATH: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}
_STREAM: Final = {
    "type": "string",
    "description": "server-sent events: `id` is a position, `data` what it has to say, as JSON",
}
_RESUMED: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "of a stream, and there only: the position to go on behind, instead of `after`",
    "schema": {"type": "string"},
}
_IN_RANGES: Final = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in (
        ("Range", "the bytes that are wanted: one range, `bytes=1048576-`; all others are ignored"),
        ("If-Range", "the `ETag` of the file that the range is of: of another one all is sent"),
    )
]
_ABOUT: Final = (
    "Everything that people read here is derived from an immutable log of what a Bitrix24 portal"
    " sent. Identifiers are strings. Times are RFC 3339 in UTC. Unknown is null, beside a basis"
    " that says how much is known: event, observed, inferred or unknown."
)


async def document(request: Request) -> Response:
    """Answer with the description."""
    return cacheable(request, openapi())


@cache
def openapi() -> dict[str, Any]:
    """Return the description of every operation below /v1."""
    answers, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _described(operation, answers[operation.method, operation.path])
        paths.setdefault(operation.path, {})[operation.method] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chronicle", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """Return the schema of each answer, and the shapes that they share."""
    mode: JsonSchemaMode = "serialization"
    inputs = [((each.method, each.path), mode, TypeAdapter(each.answer)) for each in OPERATIONS]
    schemas, shared = TypeAdapter.json_schemas(
        [*inputs, (("problem", ""), mode, TypeAdapter(ProblemBody))],
        ref_template=_REF,
        schema_generator=_Plain,
    )
    return {key: schema for (key, _), schema in schemas.items()}, shared["$defs"]


class _Plain(GenerateJsonSchema):
    """Leaves out the titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        return False


def _described(operation: Operation, schema: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name_of(operation),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*_in_path(operation.path), *_in_query(operation)],
        "responses": _responses(operation, schema),
    }
    if operation.followed:
        described["parameters"].append(_RESUMED)
        described["responses"]["200"]["content"]["text/event-stream"] = {"schema": _STREAM}
    if operation.scopes is not None:
        described["security"] = [{"token": [scope]} for scope in operation.scopes or ()] or [
            {"token": []}
        ]
    if operation.media:
        described["parameters"] += _IN_RANGES
    if operation.bodies:
        body = {} if operation.body is None else _taken(operation.body)
        described["requestBody"] = {
            "required": operation.body is None,
            "content": {media: {"schema": body} for media in operation.bodies},
        }
    return described


def _taken(body: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a body, without the titles that only repeat a field's name."""
    schema = body.model_json_schema(schema_generator=_Plain)
    return {key: value for key, value in schema.items() if key != "title"}


def _name_of(operation: Operation) -> str:
    words = re.findall(r"[a-z_]+", operation.path.removeprefix("/v1/"))
    return "-".join([operation.method, *words])


def _in_path(path: str) -> Iterator[dict[str, Any]]:
    example = _EXAMPLES.get(path, {}).get("path", {})
    for name in re.findall(r"\{(\w+)\}", path):
        schema, description = _IN_PATH.get(name, (_ID_IN_PATH, f"the id of a {name}"))
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": schema,
            **({"example": example[name]} if name in example else {}),
        }


def _in_query(operation: Operation) -> Iterator[dict[str, Any]]:
    properties = operation.query.model_json_schema().get("properties", {})
    for name, schema in properties.items():
        # A parameter that is left out is no null.
        kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
        shown = {
            key: value
            for key, value in kinds[0].items()
            if key not in {"title", "description"} and value is not None
        }
        yield {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": shown,
        }


def _responses(operation: Operation, schema: Any) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {}} for media in operation.media} or {
        _JSON: {"schema": schema}
    }
    answered: dict[str, Any] = {"description": "The answer", "content": content}
    responses = {str(operation.status): answered}
    if operation.status == HTTPStatus.ACCEPTED:
        answered["headers"] = {
            "Location": {"description": "Where it is shown", "schema": {"type": "string"}}
        }
    if operation.status == HTTPStatus.NO_CONTENT:
        responses["204"] = {"description": "It is gone"}
    if operation.method == "get":
        if operation.path in _EXAMPLES:
            answer = _EXAMPLES[operation.path]["answer"]
            content[_JSON]["examples"] = {"demo": {"value": answer}}
        answered["headers"] = {
            "ETag": {"description": "Names these very bytes", "schema": {"type": "string"}}
        }
        responses["304"] = {"description": "The caller has these very bytes (If-None-Match)"}
    if operation.media:
        responses["206"] = {"description": "The bytes that were asked for", "content": content}
    by_status: dict[HTTPStatus, list[str]] = {}
    for code in operation.codes:
        by_status.setdefault(STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status.value)] = {
            "description": f"{status.phrase}: {', '.join(codes)}",
            "content": {_PROBLEM: {"schema": _problem(codes)}},
        }
    return responses


def _problem(codes: list[str]) -> dict[str, Any]:
    return {
        "allOf": [
            {"$ref": _REF.format(model=ProblemBody.__name__)},
            {"type": "object", "properties": {"code": {"enum": codes}}},
        ]
    }
