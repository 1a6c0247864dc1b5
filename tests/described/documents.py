"""The documents: what stands in them, made from the description and from real answers."""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from api.openapi import openapi
from tests.described.analytics import ANALYTICS, analytics
from tests.described.answers import Answers
from tests.described.examples import EXAMPLES
from tests.engines import environment

ROOT: Final = Path(__file__).parents[2]
HTTP: Final = ROOT / "docs" / "http.md"
AUDIT: Final = ROOT / "docs" / "audit.md"
OPENAPI: Final = ROOT / "api" / "examples.json"

_ASKED: Final = re.compile(
    r"```http\nGET (?P<path>\S+)\n```\n\n```json\n(?P<answer>.*?)```", re.DOTALL
)
_ABOUT: Final = Path(__file__).with_name("http.intro.md").read_text()


async def documents(answers: Answers) -> dict[Path, str]:
    """Return what should stand in every document that shows answers, by its path."""
    audit = await _filled(AUDIT.read_text(), answers)  # first: it shows who has looked
    examples = {path: await answers.get(asked) for path, asked in EXAMPLES.items()}
    return {
        OPENAPI: _spelled({path: _example(path, examples[path]) for path in sorted(examples)})
        + "\n",
        HTTP: _http(examples),
        AUDIT: audit,
    }


async def of_analytics(answers: Answers) -> str:
    """Return what should stand in the page about analytics, whose commands are run."""
    with tempfile.TemporaryDirectory() as folder:
        return await analytics(
            ANALYTICS.read_text(), environment(answers.served.store), Path(folder)
        )


def _example(path: str, answer: Any) -> dict[str, Any]:
    asked = EXAMPLES[path].partition("?")[0]
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    found = re.fullmatch(pattern, asked)
    assert found is not None
    return {"path": found.groupdict(), "answer": answer}


async def _filled(text: str, answers: Answers) -> str:
    """Put the answers behind the questions of a document."""
    told = {match["path"]: await answers.get(match["path"]) for match in _ASKED.finditer(text)}

    def fill(match: re.Match[str]) -> str:
        path = match["path"]
        return f"```http\nGET {path}\n```\n\n```json\n{_spelled(told[path])}\n```"

    return _ASKED.sub(fill, text)


def _http(examples: Mapping[str, Any]) -> str:
    parts = [_ABOUT]
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method.upper(), operation))
            if path in examples and method == "get":
                asked = f"```http\nGET {EXAMPLES[path]}\n```\n\n"
                parts.append(f"{asked}```json\n{_spelled(examples[path])}\n```\n")
    return "\n".join(parts)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    scopes = [scope for each in operation.get("security", []) for scope in each["token"]]
    asks = " or ".join(f"`{scope}`" for scope in scopes) or (
        "a token" if "security" in operation else "no token"
    )
    lines = [f"## `{method} {path}`", "", f"{operation['summary']}. Needs {asks}.", ""]
    given = [each for each in operation["parameters"] if each["in"] == "query"]
    if given:
        lines += ["| parameter | is |", "|---|---|"]
        lines += [f"| `{each['name']}` | {_in_a_cell(each['description'])} |" for each in given]
        lines.append("")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if fields := body.get("schema", {}).get("properties"):
        lines += ["| in the body, as JSON | is |", "|---|---|"]
        lines += [f"| `{name}` | {_in_a_cell(of['description'])} |" for name, of in fields.items()]
        lines.append("")
    refused = [
        answer["description"]
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    ]
    return "\n".join([*lines, f"Refused with {'; '.join(refused)}.", ""])


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _spelled(value: Any) -> str:
    """Spell an answer for a reader: short parts on a line of their own."""
    return _wrapped(value, "")


def _wrapped(value: Any, margin: str) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + len(margin) <= 110 or not isinstance(value, dict | list) or not value:
        return line
    inner = margin + "  "
    if isinstance(value, dict):
        parts = [
            f"{inner}{json.dumps(key)}: {_wrapped(each, inner)}" for key, each in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{margin}}}"
    return "[\n" + ",\n".join(f"{inner}{_wrapped(each, inner)}" for each in value) + f"\n{margin}]"
