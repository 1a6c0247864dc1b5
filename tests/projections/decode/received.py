"""Events as the log holds them, made from the samples, and facts as tests like to read them."""

import copy
import json
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json

from eventstore.envelope import Receiving, events_of
from eventstore.event import Event, Instant, NewEvent
from eventstore.form import parse_form
from eventstore.redaction import Fingerprints
from projections.decode import decode
from projections.facts import Fact
from tests import samples

GONE: Final = object()
"""Instead of a value: the key is missing."""

HOW: Final = Receiving(
    received_at=1_789_400_000_000_000,
    fingerprints=Fingerprints(b"k" * 32),
    portal_key=b"p" * 32,
    source="fetch",
    receiver="user:58",
)


def received(tree: Any) -> Event:
    """Receive a webhook or an item: redacted, and at position 7 of portal 1."""
    (event,) = events_of(tree, HOW)
    assert isinstance(event, NewEvent)
    return Event(1, 7, *event, b"", b"", b"")


def sample(name: str, changes: dict[str, Any] | None = None) -> Event:
    """Receive a sample, with the values at these dotted places changed."""
    tree = parse_form(samples.sample(name)) if name.endswith(".form") else samples.tree(name)
    tree = copy.deepcopy(tree)
    for place, value in (changes or {}).items():
        *path, key = place.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        if value is GONE:
            node.pop(key, None)
        else:
            node[key] = value
    return received(tree)


def with_payload(event: Event, tree: Any) -> Event:
    """Put another payload under the same header."""
    return event._replace(payload=json.dumps(tree, ensure_ascii=False))


def at(clock: str, day: str = "2026-09-14") -> Instant:
    """Give the instant of a clock on the wall of the samples' portal."""
    return int(datetime.fromisoformat(f"{day}T{clock}+03:00").timestamp()) * 1_000_000


def said(kind: str, **columns: Any) -> dict[str, Any]:
    """Write down an expected fact: the header is left out, and profiles stand for their ids."""
    return {"kind": kind, **columns}


def told(event: Event) -> list[dict[str, Any]]:
    """Decode an event into facts as `said` writes them."""
    decoded = decode(event)
    return [_readable(fact, decoded.profiles) for fact in decoded.facts]


def only(event: Event) -> dict[str, Any]:
    """Decode an event that says one thing."""
    (fact,) = told(event)
    return fact


def _readable(fact: Fact, profiles: dict[int, str]) -> dict[str, Any]:
    columns = fact._asdict()
    for header in ("portal_id", "position", "ordinal", "sequence", "witness"):
        del columns[header]
    if columns["basis"] == "event":
        del columns["basis"]
    for profile in ("chat_profile", "user_profile"):
        if columns[profile] is not None:
            columns[profile] = from_json(profiles[columns[profile]])
    if columns["detail"] is not None:
        columns["detail"] = from_json(columns["detail"])
    return {column: value for column, value in columns.items() if value is not None}
