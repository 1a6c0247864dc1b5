"""What is secret, and the marker that replaces it."""

import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from operator import is_
from typing import Any, Final

from pydantic_core import from_json, to_json

from eventstore.errors import TooLarge, UnreadableBody

MARKER: Final = re.compile("redacted:[0-9]+:[0-9a-f]{32}")
"""What stands where a secret stood: the key's number and the secret's fingerprint."""

_MEMORABLE: Final = 512
"""Longer secrets and key names are not kept in memory."""


class Fingerprints:
    """Makes the markers of one installation key.

    The same secret has the same marker for as long as the key lives, so that "the same token as
    before" stays answerable. A marker is its own marker: redacting twice changes nothing.
    """

    def __init__(self, key: bytes, number: int = 1) -> None:
        self._key = key
        self._number = number
        self._prefix = f"redacted:{number}:"
        self._known = lru_cache(maxsize=4096)(self._marker)

    def __reduce__(self) -> tuple[type["Fingerprints"], tuple[bytes, int]]:
        """Go to another process without what is remembered."""
        return Fingerprints, (self._key, self._number)

    def fingerprint(self, secret: str) -> str:
        """Give the marker that replaces `secret`."""
        return self._known(secret) if len(secret) <= _MEMORABLE else self._marker(secret)

    def _marker(self, secret: str) -> str:
        if MARKER.fullmatch(secret):
            return secret
        digest = hmac.digest(self._key, secret.encode(errors="surrogatepass"), "sha256")
        return self._prefix + digest.hex()[:32]


def redact(tree: Any, fingerprints: Fingerprints) -> Any:
    """Give `tree` without the secrets of the reference's section 5; what has none is not copied.

    Secrets are known by their key's name, at any depth, whatever the case and the family; in URLs
    and query strings by their parameter or their place, and behind `Bearer`; in token blocks
    (`auth`, `BOT`, `COMMAND`, `bot`) by their look too; in JSON inside strings likewise. `context`
    is a secret as a whole, but only right below a `data`. "" and null and booleans stay.
    What a person wrote (message text, names, titles, a command's parameters) is never altered.

    Raises UnreadableBody for a number that is not finite, TooLarge for JSON inside JSON that
    nests beyond what we can follow.
    """
    try:
        return _value(tree, _ORDINARY, in_tokens=False, mark=fingerprints.fingerprint)
    except RecursionError:
        raise TooLarge("nested too deep") from None


def dump(tree: Any) -> str:
    """Spell a tree as the JSON text that is stored. Raises UnreadableBody if JSON cannot say it."""
    try:
        return to_json(tree).decode()
    except ValueError:  # its message quotes the character
        raise UnreadableBody("a lone surrogate, or nested too deep") from None


_Mark = Callable[[str], str]

# What a key's name says about its value, in an order that makes the questions short.
_Rule = int
_ORDINARY: Final[_Rule] = 0
_DATA: Final[_Rule] = 1  # `context` below it is a secret
_CALLED: Final[_Rule] = 2  # a v2 command: `params` below it is what a person typed
_VIEWER: Final[_Rule] = 3  # `src` below it is a signed URL
_HARMLESS: Final[_Rule] = 4  # known, and no token however long
_TOKENS: Final[_Rule] = 5  # a token block
_TEXT: Final[_Rule] = 6  # what a person wrote, if it is a string
_SECRET: Final[_Rule] = 7  # every scalar below it
_SECRET_SCALAR: Final[_Rule] = 8  # itself, if it is no container
_SECRET_OR_TOKENS: Final[_Rule] = 9  # itself, or else a token block

_EXACTLY: Final[dict[str, _Rule]] = {
    "data": _DATA,
    "command": _CALLED,
    "BOT": _TOKENS,
    "COMMAND": _TOKENS,
    "bot": _TOKENS,
}


def _folded(words: str, rule: _Rule) -> dict[str, _Rule]:
    return dict.fromkeys(words.split(), rule)


_IN_ANY_SPELLING: Final[dict[str, _Rule]] = {
    **_folded(
        "accesstoken refreshtoken applicationtoken clientid clientsecret appid bottoken"
        " authid refreshid appsid apptoken secret apikey"
        " aiassistantmcpauthid esd signature sessid password"
        " urldownload urlshow urlpreview urlmachine downloadurl mediaurl",
        _SECRET,
    ),
    **_folded("token", _SECRET_SCALAR),
    **_folded("auth", _SECRET_OR_TOKENS),
    **_folded("viewerattrs", _VIEWER),
    **_folded(
        "text message messageoriginal name title chattitle description commandparams",
        _TEXT,
    ),
    **_folded(
        "memberid domain userid scope status expires expiresin serverendpoint clientendpoint"
        " botid botcode id code type commandid commandcontext messageid"
        " language moduleid eventmode backgroundid avatar",
        _HARMLESS,
    ),
}
"""By the key's name in lower case without `_` and `-`, so that accessToken is access_token."""


class _Rules(dict[str, _Rule]):
    """What was found out about a key's name: the same few hundred names come again and again."""

    def __missing__(self, name: str) -> _Rule:
        last = name.rpartition("[")[2].removesuffix("]")  # a form's key that nobody unfolded
        folded = last.lower().replace("_", "").replace("-", "")
        rule = _EXACTLY.get(last) or _IN_ANY_SPELLING.get(folded, _ORDINARY)
        if len(self) < 4096 and len(name) <= _MEMORABLE:  # noqa: PLR2004 (a bound, and no more)
            self[name] = rule
        return rule


_rules: Final = _Rules()

_SHORTEST_SECRET: Final = len("auth=x")
_SHORTEST_TOKEN: Final = 20
_TOKEN_LIKE: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
_SECRET_PARAMETER: Final = re.compile(
    r"((?:^|[?&;#])(?:[^=&;?#\s]*(?:\[|%5B))?"
    r"(?:_esd|signature|token|auth|sessid|access_?token|refresh_?token|application_?token"
    r"|client_?id|client_?secret|bot_?token|code|password"
    r"|auth_?id|refresh_?id|app_?sid|app_?token|secret|api_?key)(?:\]|%5D)?=)([^&#\s\"'<>]+)",
    re.IGNORECASE,
)
_BARE_QUERY: Final = re.compile(r"[?#]?[^=&?#/\s]+=[^&\s]*(?:&|$)")
_WEBHOOK_CODE: Final = re.compile(r"(/rest/(?:api/)?[0-9]+/)([^/?#\s\"'<>]+)")
# Neither part may begin inside a query, where a marker's colons would look like it.
_PASSWORD_OF_URL: Final = re.compile(r"(://[^/?#@:&=;\s\"'<>]*:)([^/?#\s\"'<>]+)(?=@)")


def _value(value: Any, rule: _Rule, *, in_tokens: bool, mark: _Mark) -> Any:
    """Redact one value, below a key with this rule."""
    kind = type(value)
    if kind is str:
        if rule >= _SECRET:
            return mark(value) if value else value
        return value if rule == _TEXT else _string(value, rule, in_tokens=in_tokens, mark=mark)
    if kind is dict or kind is list:
        return _container(value, rule, in_tokens=in_tokens, mark=mark)
    if kind is float and not isfinite(value):
        raise UnreadableBody("a number beyond all bounds")
    if rule >= _SECRET and (kind is int or kind is float):
        return mark(str(value))
    return value


def _container(
    node: dict[str, Any] | list[Any], rule: _Rule, *, in_tokens: bool, mark: _Mark
) -> Any:
    """Redact an object or an array, below a key with this rule. Without a secret it is itself."""
    if rule == _SECRET:
        return _veil(node, mark)
    in_tokens = in_tokens or rule in (_TOKENS, _SECRET_OR_TOKENS)
    if isinstance(node, list):
        items = [_value(item, rule, in_tokens=in_tokens, mark=mark) for item in node]
        return node if all(map(is_, items, node)) else items
    clean = _map(node, in_tokens=in_tokens, mark=mark)
    return _children(node, clean, rule, mark) if _ORDINARY < rule <= _VIEWER else clean


def _children(
    node: dict[str, Any], clean: dict[str, Any], rule: _Rule, mark: _Mark
) -> dict[str, Any]:
    """Say of an object what is a secret, or is none, only right below a key with this rule."""
    if rule == _CALLED:
        typed = node.get("params")
        return clean | {"params": typed} if clean is not node and isinstance(typed, str) else clean
    secret = "context" if rule == _DATA else "src"
    for key, value in node.items():
        if key.lower() == secret:
            clean = clean | {key: _veil(value, mark)}
    return clean


def _map(node: dict[str, Any], *, in_tokens: bool, mark: _Mark) -> dict[str, Any]:
    """Redact an object's values. Most need no more than a look, and get no call."""
    clean = node
    for key, value in node.items():
        rule = _rules[key]
        kind = type(value)
        if kind is str:
            if rule == _TEXT or (
                rule < _TEXT
                and (
                    len(value) < _SHORTEST_SECRET
                    or (
                        "/" not in value
                        and '"' not in value
                        and "=" not in value
                        and "earer " not in value
                        and not (in_tokens and rule != _HARMLESS and len(value) >= _SHORTEST_TOKEN)
                    )
                )
            ):
                continue
            said = _value(value, rule, in_tokens=in_tokens, mark=mark)
        elif kind is dict or kind is list:
            said = _container(value, rule, in_tokens=in_tokens, mark=mark)
        elif (kind is int or kind is bool or value is None) and rule < _SECRET:
            continue
        else:
            said = _value(value, rule, in_tokens=in_tokens, mark=mark)
        if said is not value:
            if clean is node:
                clean = node.copy()
            clean[key] = said
    return clean


def _veil(value: Any, mark: _Mark) -> Any:
    """Replace every scalar, however deep. Key names stay."""
    if isinstance(value, dict):
        return {key: _veil(below, mark) for key, below in value.items()}
    if isinstance(value, list):
        return [_veil(below, mark) for below in value]
    return _value(value, _SECRET, in_tokens=False, mark=mark)


def _string(value: str, rule: _Rule, *, in_tokens: bool, mark: _Mark) -> str:
    """Redact what a string holds: itself a token, or JSON, or a URL, or none of these."""
    if in_tokens and rule not in (_HARMLESS, _TOKENS) and _looks_like_a_token(value):
        return mark(value)
    if '"' in value and value.lstrip()[:1] in ("{", "["):
        try:
            tree = from_json(value)
        except ValueError:
            pass
        else:
            clean = _container(tree, rule, in_tokens=in_tokens, mark=mark)
            return value if clean == tree else dump(clean)
    if value[1:7] == "earer " and value[:1] in "Bb" and value[7:]:
        return value[:7] + mark(value[7:])
    return _without_url_secrets(value, mark)


def _without_url_secrets(value: str, mark: _Mark) -> str:
    """Redact what a URL, a part of one or a query string holds."""
    has_scheme, has_code = "://" in value, "/rest/" in value
    if has_scheme and "@" in value:
        value = _PASSWORD_OF_URL.sub(lambda found: found[1] + mark(found[2]), value)
    if "=" in value and (
        has_scheme or has_code or (value[:1] == "/" and "?" in value) or _BARE_QUERY.match(value)
    ):
        value = _SECRET_PARAMETER.sub(lambda found: found[1] + mark(found[2]), value)
    if has_code:
        value = _WEBHOOK_CODE.sub(lambda found: found[1] + mark(found[2]), value)
    return value


def _looks_like_a_token(value: str) -> bool:
    return len(value) >= _SHORTEST_TOKEN and _TOKEN_LIKE.fullmatch(value) is not None
