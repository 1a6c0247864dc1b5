"""PHP bracket keys to the nested object that they spell, bounded."""

import re
from binascii import unhexlify
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

from eventstore.errors import TooLarge, UnreadableBody

_KEYED_BY_ID: Final = frozenset({"BOT", "COMMAND", "MENTIONED_LIST", "BOT_IN_CHAT", "FILES"})
"""Maps by id, also when the ids happen to be 0, 1, 2 (reference, trap 20)."""

_MEMORABLE: Final = 256
"""Longer names are not kept: the cache must stay small whatever is sent."""

_ESCAPES: Final = re.compile("(?:%[0-9A-Fa-f][0-9A-Fa-f])++")
"""Possessive: a plain `+` remembers a way back for each of a million escapes.

No `{2}`: within what is possessive, Python 3.11.2 also takes a third (CPython issue 106052).
"""


def parse_form(body: bytes, *, max_fields: int = 10_000, max_depth: int = 32) -> dict[str, Any]:
    """Decode an application/x-www-form-urlencoded body with PHP bracket keys.

    Every scalar stays the string that was sent, decoded once (reference, trap 22); blank values
    are kept. A map whose keys are exactly 0 to n-1, in order, becomes a list, but never one that
    is keyed by id (trap 20). A name whose brackets do not match is a key as it stands.

    Raises UnreadableBody for what is not UTF-8 and for fields that contradict each other, TooLarge
    beyond `max_fields` fields or `max_depth` keys in one name. The message says at which byte,
    never what is there.
    """
    if body.count(b"&") >= max_fields:
        raise TooLarge(f"more than {max_fields} fields")
    try:
        fields = body.decode().split("&")
    except UnicodeDecodeError as error:
        raise UnreadableBody(f"not UTF-8 at byte {error.start}") from None
    form = _Form(max_depth)
    for index, field in enumerate(fields):
        try:
            if field:
                form.add(field)
        except _Misfit as misfit:
            offset = sum(len(before.encode()) + 1 for before in fields[:index])
            raise misfit.error(f"{misfit} in the field at byte {offset}") from None
    return form.tree()


class _Misfit(Exception):
    """What is wrong with a field, before anybody knows where it is."""

    def __init__(self, reason: str, error: type[UnreadableBody] = UnreadableBody) -> None:
        super().__init__(reason)
        self.error = error


class _Name(NamedTuple):
    """A field's name: `data[USER][ID]` is the key `ID` in the container `data[USER]`."""

    container: str
    path: tuple[str, ...]
    key: str
    appends: bool


class _Form:
    """A form on its way to becoming a tree."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._root: dict[str, Any] = {}
        self._containers = {"": self._root}
        self._made: list[tuple[dict[str, Any], str, dict[str, Any]]] = []
        self._appended: dict[int, count[int]] = {}

    def add(self, field: str) -> None:
        raw_name, _, value = field.partition("=")
        name = _name(raw_name) if len(raw_name) <= _MEMORABLE else _split(raw_name)
        container = self._containers.get(name.container)
        if container is None:
            container = self._grow(name)
        if "+" in value or "%" in value:
            value = _unescape(value)
        key = self._next_index(container) if name.appends and not name.key else name.key
        if container.setdefault(key, value) != value:
            raise _Misfit("a second, other value")

    def tree(self) -> dict[str, Any]:
        """Make the lists, innermost first, and give the whole."""
        for parent, key, node in reversed(self._made):
            if "0" in node and key not in _KEYED_BY_ID and _counts_up(node):
                parent[key] = list(node.values())
        return self._root

    def _grow(self, name: _Name) -> dict[str, Any]:
        """Find or make the containers down to this name's."""
        if len(name.path) >= self._max_depth:
            raise _Misfit(f"more than {self._max_depth} keys deep", TooLarge)
        node = self._root
        for key in name.path:
            step = key or self._next_index(node)
            child = node.get(step)
            if child is None:
                child = node[step] = {}
                self._made.append((node, step, child))
            elif not isinstance(child, dict):
                raise _Misfit("a map where there is a value")
            node = child
        if not name.appends:
            self._containers[name.container] = node
        return node

    def _next_index(self, node: dict[str, Any]) -> str:
        """The lowest index that `node` has free; each is looked at once."""
        indexes = self._appended.setdefault(id(node), count())
        return next(index for index in map(str, indexes) if index not in node)


def _split(raw_name: str) -> _Name:
    name = _unescape(raw_name)
    head, bracket, rest = name.partition("[")
    if not (head and bracket and rest.endswith("]")) or "]" in head:
        return _Name("", (), name, appends=False)
    keys = rest[:-1].split("][")
    if any("[" in key or "]" in key for key in keys):
        return _Name("", (), name, appends=False)
    path = (head, *keys[:-1])
    return _Name("[".join(path), path, keys[-1], appends="" in keys)


_name = lru_cache(maxsize=4096)(_split)


def _unescape(text: str) -> str:
    try:
        return _ESCAPES.sub(_unhex, text.replace("+", " "))
    except UnicodeDecodeError:
        raise _Misfit("not UTF-8") from None


def _unhex(escapes: re.Match[str]) -> str:
    return unhexlify(escapes[0].replace("%", "")).decode()


def _counts_up(node: dict[str, Any]) -> bool:
    return all(key == str(index) for index, key in enumerate(node))
