"""The page for people: the HTTP contract, rendered here, without scripts or remote resources."""

from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from itertools import groupby
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from api.openapi import openapi

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: light-dark(#0b5, #4d9) }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 2rem 1rem }
h1 { font-size: 2.2rem; margin: 0 } h2 { margin: 3rem 0 .5rem; text-transform: capitalize }
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em }
code { font: .875em/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
nav ul { columns: 2; list-style: none; padding: 0 } nav li { break-inside: avoid }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 1rem }
details[open] { padding-bottom: 1rem }
summary { cursor: pointer; padding: .6rem 0 }
summary code { font-weight: 600 }
.method { color: var(--accent); text-transform: uppercase }
.scope { background: var(--soft); border-radius: 1rem; padding: .1rem .6rem }
table { border-collapse: collapse; width: 100% }
td, th { border-top: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top }
pre { background: var(--soft); border-radius: .4rem; overflow: auto; padding: .7rem }
@media (max-width: 40rem) { nav ul { columns: 1 } }
"""
_HOW_TO_ASK: Final = (
    "<p>Send <code>Authorization: Bearer &lt;token&gt;</code>. The same as a document for programs:"
    " <a href=/openapi.json>openapi.json</a>.</p>"
)


async def docs(_request: Request) -> Response:
    """Answer with the page."""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(_page(), 200, headers, "text/html; charset=utf-8")


@cache
def _page() -> str:
    described = openapi()
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Chronicle: HTTP</title>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<style>{_STYLE}</style><h1>Chronicle</h1>",
        f"<p>{escape(described['info']['description'])}</p>",
        _HOW_TO_ASK,
        *_operations(described["paths"]),
        "<h2 id=shapes>Shapes</h2>",
        *_shapes(described["components"]["schemas"]),
    ]
    return "\n".join(parts)


def _operations(paths: Mapping[str, Any]) -> Iterator[str]:
    found = [
        (operation["tags"][0], path, method, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    tags = list(dict.fromkeys(tag for tag, *_ in found))
    found.sort(key=lambda each: tags.index(each[0]))
    yield "<nav><ul>"
    for _, path, method, operation in found:
        yield f"<li><a href='#{operation['operationId']}'>{_signature(method, path)}</a></li>"
    yield "<li><a href='#shapes'>Shapes</a></li></ul></nav>"
    for tag, group in groupby(found, key=lambda each: each[0]):
        yield f"<h2>{escape(tag)}</h2>"
        for _, path, method, operation in group:
            yield from _operation(path, method, operation)


def _signature(method: str, path: str) -> str:
    return f"<code><span class=method>{method}</span> {escape(path)}</code>"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    scopes = [scope for each in operation.get("security", ()) for scope in each["token"]]
    yield f"<details open id='{operation['operationId']}'><summary>{_signature(method, path)}"
    yield f"— {escape(operation['summary'])}</summary>"
    if "security" not in operation:
        yield "<p>No token.</p>"
    elif scopes:
        needed = " or ".join(f"<code class=scope>{escape(scope)}</code>" for scope in scopes)
        yield f"<p>Scope {needed}</p>"
    if operation["parameters"]:
        yield "<table><tr><th>Parameter<th>In<th>Must be</tr>"
        for parameter in operation["parameters"]:
            yield _row(
                f"<code>{escape(parameter['name'])}</code>",
                parameter["in"],
                _prose(parameter["description"]) + _bounds(parameter["schema"]),
            )
        yield "</table>"
    yield from _body(operation)
    yield "<table><tr><th>Status<th>Answer</tr>"
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        shape = _type(schema) if schema else _prose(answer["description"])
        yield _row(status, shape)
    yield "</table></details>"


def _body(operation: Mapping[str, Any]) -> Iterator[str]:
    """Say what may stand in a body of JSON, where that has a shape."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    fields = body.get("schema", {}).get("properties")
    if fields:
        yield "<table><tr><th>In the body<th>Must be</tr>"
        for name, field in fields.items():
            yield _row(f"<code>{escape(name)}</code>", _prose(field["description"]))
        yield "</table>"


def _shapes(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f"<details id='{escape(name)}' open><summary><code>{escape(_title(name))}</code>"
        yield f" {_prose(schema.get('description', '')).split(chr(10))[0]}</summary><table>"
        required = schema.get("required", ())
        for field, of in schema.get("properties", {}).items():
            optional = "" if field in required else " (may be absent)"
            yield _row(f"<code>{escape(field)}</code>", _type(of) + optional)
        yield "</table></details>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _type(schema: Mapping[str, Any]) -> str:
    """Say a schema in a few words, with links to the shapes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href='#{escape(name)}'>{escape(_title(name))}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return escape(schema.get("type", "any JSON"))


def _bounds(schema: Mapping[str, Any]) -> str:
    return f"; else {escape(str(schema['default']))}" if "default" in schema else ""


def _title(name: str) -> str:
    # A generic shape: Listed_Message_ is a Listed[Message].
    outer, _, inner = name.removesuffix("_").partition("_")
    return f"{outer}[{inner}]" if inner else outer


def _prose(text: str) -> str:
    """Escape a sentence, and set what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
