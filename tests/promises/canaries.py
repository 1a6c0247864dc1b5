"""Secrets that can be told apart, in every place where the reference says that one can stand."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic_core import to_json

MARK: Final = b"canary-"
"""What every planted secret begins with: whoever finds this has found one."""

SECRET_KEYS: Final = frozenset({"access_token", "refresh_token", "application_token", "client_id"})
"""In `auth`, `AUTH`, `BOT`, `COMMAND`, `bot` (reference, section 5)."""

_LIKE_A_TOKEN: Final = "-Zx9Qw8Er7Ty6Ui5Op4"  # noqa: S105  (it is made to look like one)
_SIGNED: Final = ("urlDownload", "urlShow", "urlPreview", "urlMachine", "downloadUrl")


class Canaries:
    """Makes secrets, each of them once, and remembers where it was planted."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def new(self, place: str) -> str:
        """Give a secret for this place. Its look betrays nothing: its place alone must do."""
        secret = f"{MARK.decode()}{len(self.planted):05d}"
        self.planted[secret] = place
        return secret


def plant(tree: Any, name: str, canaries: Canaries, *, application_token: str | None) -> Any:
    """Give a copy of a sample with a secret in every place: in its own places, and in new ones.

    The token that proves the sender is the given one.
    """

    def secret(place: str) -> str:
        return canaries.new(f"{name} {place}")

    tree = copy.deepcopy(tree)
    for number, envelope in enumerate(_envelopes(tree)):
        _add_places(envelope, secret)
        _replace(envelope, f"{number}:", secret)
        if application_token is not None and "auth" in envelope:
            envelope["auth"]["application_token"] = application_token
    return tree


def _envelopes(tree: Any) -> Iterator[Any]:
    """Give the events of a page, or the one that the tree is."""
    result = tree.get("result")
    if isinstance(result, dict) and isinstance(result.get("events"), list):
        yield from result["events"]
    else:
        yield tree


def _replace(node: Any, place: str, secret: Callable[[str], str]) -> None:
    """Put a secret of its own into each place that the samples have already."""
    if isinstance(node, list):
        for number, below in enumerate(node):
            _replace(below, f"{place}.{number}", secret)
    elif isinstance(node, dict):
        for key, below in node.items():
            where = f"{place}.{key}"
            if isinstance(below, dict | list):
                _replace(below, where, secret)
            elif key in SECRET_KEYS:
                node[key] = secret(where)


def _add_places(envelope: dict[str, Any], secret: Callable[[str], str]) -> None:
    """Put secrets where the reference says they can be, though no sample has them there."""
    data = envelope.get("data")
    if not isinstance(data, dict):
        return
    data["context"] = {"pairCode": secret("context"), "deep": [{"er": secret("context, deep")}]}
    if "auth" in envelope:
        envelope["auth"] |= {"unheard_of": secret("under auth") + _LIKE_A_TOKEN}
    if isinstance(data.get("bot"), dict):
        data["bot"]["appId"] = f"custom{secret('appId')}"
        data["bot"]["botToken"] = secret("botToken")
    for block in ("BOT", "COMMAND"):
        for number, element in data.get(block, {}).items():
            element["client_id"] = f"custom{secret(f'{block} {number} client_id')}"
            element["AUTH"]["CLIENT_ID"] = secret("in capitals")
            element["unheard_of"] = secret(f"in {block}") + _LIKE_A_TOKEN
    if "PARAMS" in data:
        _add_legacy_places(data["PARAMS"], secret)
    for part in ("message", "chat", "user"):
        if isinstance(data.get(part), dict):
            _add_v2_places(data[part], part, secret)


def _add_legacy_places(fields: dict[str, Any], secret: Callable[[str], str]) -> None:
    file: dict[str, Any] = {key: _url(key, secret) for key in _SIGNED}
    file |= {"id": "8801", "name": "plan.pdf"}
    file["viewerAttrs"] = {"src": secret("viewerAttrs.src"), "title": "plan.pdf"}
    file["mediaUrl"] = {"hd": secret("mediaUrl")}
    fields["FILES"] = {"8801": file}
    inner = fields.get("PARAMS")
    fields["PARAMS"] = {
        **(inner if isinstance(inner, dict) else {}),
        "AI_ASSISTANT_MCP_AUTH_ID": secret("AI_ASSISTANT_MCP_AUTH_ID"),
    }
    fields["CHAT_ENTITY_DATA_3"] = _json(secret)
    fields["CHAT_AVATAR"] = _url("avatar", secret)
    fields["LINKS"] = _links(secret)


def _add_v2_places(part: dict[str, Any], name: str, secret: Callable[[str], str]) -> None:
    if name == "message":
        params = part.get("params")
        part["params"] = {
            **(params if isinstance(params, dict) else {}),
            "AI_ASSISTANT_MCP_AUTH_ID": secret("AI_ASSISTANT_MCP_AUTH_ID"),
        }
        part["file"] = {key: _url(key, secret) for key in _SIGNED}
    if name == "chat":
        part["entityData3"] = _json(secret)
    part["avatar"] = _url("avatar", secret)
    part["links"] = _links(secret)


def _url(key: str, secret: Callable[[str], str]) -> str:
    query = "&".join(
        f"{parameter}={secret(f'{parameter} of {key}')}"
        for parameter in ("_esd", "signature", "token", "auth", "sessid")
    )
    return f"https://acme.bitrix24.example/rest/27/{secret(f'code in {key}')}/get?id=7&{query}&n=1"


def _links(secret: Callable[[str], str]) -> list[str]:
    """Give URLs without a scheme or with a password, query strings without a URL, a header."""
    return [
        f"acme.bitrix24.example/rest/27/{secret('code without a scheme')}/im.message.add",
        f"/rest/27/{secret('code at the end')}/",
        f"https://archivist:{secret('password of a URL')}@acme.bitrix24.example/",
        f"access_token={secret('a query of one')}",
        f"id=7&AUTH_ID={secret('AUTH_ID in a query')}&APP_SID={secret('APP_SID in a query')}",
        f"Bearer {secret('Bearer')}",
    ]


def _json(secret: Callable[[str], str]) -> str:
    below = {"access_token": secret("JSON in a string"), "application_token": secret("JSON")}
    return to_json({"id": 7, "auth": below}).decode()
