"""What the description says, the server does: schemathesis asks, and compares the answers.

No answer is a 5xx, none has a status or a media type that is not described, and every one is of
the shape that is described.
"""

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.openapi import openapi
from tests.conftest import Reader
from tests.exports import EXPORT, PATH


def described() -> dict[str, Any]:
    """The description without its tokens: those are ours to choose."""
    paths = {
        path: {
            method: {part: said for part, said in operation.items() if part != "security"}
            for method, operation in methods.items()
        }
        for path, methods in openapi()["paths"].items()
    }
    return {**openapi(), "paths": paths}


OPERATIONS: Final = [
    each.ok()  # type: ignore[union-attr]  # ours is a valid one
    for each in schemathesis.openapi.from_dict(described()).get_all_operations()
]
CHECKS: Final = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES: Final = 150
TOKENS: Final = ["everything", "messages", "events", "writer", "other", "expired", "nowhere"]
KNOWN: Final = {
    "portal": ["acme", "acme", "globex"],
    "ingest_key": ["unknown", "unknown", "unknown"],
    "chat": ["2207", "2301", "2333"],
    "message": ["190411", "190420", "190450"],
    "user": ["41", "58", "912"],
    "position": ["1", "9", "40"],
    "export": [EXPORT, "1", EXPORT],
    "path": [PATH, "none", PATH],
}


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
async def test_every_answer_is_as_described(scratch: Reader, operation: Any) -> None:
    cases: list[tuple[Any, bool, str]] = []
    examples = st.tuples(cases_of(operation), st.booleans(), st.sampled_from(TOKENS))

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(examples)
    def gather(example: tuple[Any, bool, str]) -> None:
        cases.append(example)

    gather()
    for case, known, token in cases:
        response = await ask(scratch, case, token, known=known)
        checks = CHECKS if known else [*CHECKS, negative_data_rejection]
        case.validate_response(response, checks=checks)


def cases_of(operation: Any) -> st.SearchStrategy[Any]:
    """Requests that are as described, and requests that are not."""
    return st.sampled_from(GenerationMode).flatmap(
        lambda mode: operation.as_strategy(generation_mode=mode)
    )


async def ask(reader: Reader, case: Any, token: str, *, known: bool) -> Any:
    """Send a request, about what there is if it is to be of something known."""
    path = case.formatted_path
    if known:
        names = {name: KNOWN[name][len(str(case.query)) % 3] for name in case.path_parameters or ()}
        path = case.operation.path.format(**names)
    query = dict(case.query or {})
    if str(query.get("min_position", "")).isdecimal():
        query["min_position"] = 1  # a higher one is waited for, which is tested elsewhere
    if str(query.get("wait", "")).isdecimal() and int(query["wait"]) <= 60:
        query["wait"] = 0  # likewise
    headers = {"Authorization": f"Bearer {reader.tokens[token]}"}
    body = None
    if case.method == "POST":
        said = case.body if isinstance(case.body, dict | list) else str(case.body)
        body = case.body if isinstance(case.body, bytes) else to_json(said)
        headers["Content-Type"] = case.media_type
    return await reader.served.client.request(
        case.method, path, params=query, headers=headers, content=body
    )
