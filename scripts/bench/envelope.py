"""A webhook's wrapping as a portal makes it, and its form encoding."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote_plus

from scripts.bench.happenings import Person

MEMBER_ID: Final = "fakememberid00000000000000000001"
APPLICATION_TOKEN: Final = "FAKE_APPLICATION_TOKEN_0001"  # noqa: S105 - visibly fake

_DOMAIN: Final = "acme.bitrix24.example"
HOUR: Final = 3600

Tree = dict[str, Any]


def webhook(event: str, data: Tree, who: Person, at: int) -> Tree:
    """Wrap what a webhook says. `who` is the user whose token it carries."""
    return {"event": event, "data": data, "ts": str(at), "auth": _auth(who, at)}


def form(tree: Tree) -> bytes:
    """Encode a webhook as a portal sends it: PHP's bracket keys, percent-encoded."""
    return "&".join(f"{key}={quote_plus(value)}" for key, value in _flat(tree)).encode()


def _flat(tree: Tree) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if not isinstance(value, dict):
            yield key, value
            continue
        for below, scalar in _flat(value):
            first, bracket, rest = below.partition("%5B")
            yield f"{key}%5B{first}%5D{bracket}{rest}", scalar


def _auth(person: Person, at: int) -> Tree:
    return {
        "access_token": token(person, at),
        "expires": str(at + HOUR),
        "scope": "imbot",
        "domain": _DOMAIN,
        "status": "L",
        "member_id": MEMBER_ID,
        "user_id": str(person.id),
        "application_token": APPLICATION_TOKEN,
    }


def token(person: Person, at: int) -> str:
    """Give the OAuth token of this hour: it is renewed, as real ones are."""
    return f"FAKE_ACCESS_TOKEN_{person.id}_{at // HOUR:032x}"
