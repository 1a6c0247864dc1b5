"""One decoder per family of events: what an event means, as facts, or why it cannot be told."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import ValidationError

from eventstore.event import Event
from projections.decode import im_v2, imbot_v2, legacy, snapshots, watching, wire
from projections.errors import Undecodable
from projections.facts import Decoded

DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    **legacy.DECODERS,
    **imbot_v2.DECODERS,
    **im_v2.DECODERS,
    **watching.DECODERS,
    **snapshots.DECODERS,
}
"""Every event that says something about chats, by its type."""

_NEIGHBOURS: Final = frozenset(
    {
        "ONAPPINSTALL",
        "ONAPPUPDATE",
        "ONAPPUNINSTALL",
        "ONAPPTEST",
        "ONOFFLINEEVENT",
        "ONOPENLINEMESSAGEADD",
        "ONOPENLINEMESSAGEUPDATE",
        "ONOPENLINEMESSAGEDELETE",
        "ONSESSIONSTART",
        "ONSESSIONFINISH",
    }
)
"""Events of other things that the same handler may get (reference, 1.1)."""

_CONNECTORS: Final = "ONIMCONNECTOR"
_NOTHING: Final = Decoded((), {})
_NUL: Final = "\\u0000"  # the only way to write NUL in JSON
_ESCAPE: Final = re.compile(r"\\(?:u0000|.)", re.DOTALL)


def decode(event: Event) -> Decoded:
    """Tell what an event means: a pure function of the event.

    Every id fits both engines, every time is in microseconds UTC, and NUL, which PostgreSQL
    refuses, is U+FFFD in every text. Raises Undecodable, and nothing else.
    """
    decoder = DECODERS.get(event.event_type.upper())
    if decoder is None:
        return _beside_the_point(event.event_type.upper())
    try:
        return decoder(_without_nul(event))
    except Undecodable:
        raise
    except ValidationError as error:
        reason = wire.reason(error)
    except Exception as error:  # noqa: BLE001  (a fault of ours must not stop a portal for ever)
        reason = f"the decoder failed: {type(error).__name__}"
    raise Undecodable(reason)  # out here, where no error that knows the payload clings to it


def _beside_the_point(event_type: str) -> Decoded:
    if event_type in _NEIGHBOURS or event_type.startswith(_CONNECTORS):
        return _NOTHING
    raise Undecodable("no decoder for this event type")


def _without_nul(event: Event) -> Event:
    """Replace each escaped NUL. Where the backslash itself is escaped, there is none."""
    # One character is found sooner, or not found: most payloads have nothing that is escaped.
    if "\\" not in event.payload or _NUL not in event.payload:
        return event
    readable = _ESCAPE.sub(lambda it: "\\ufffd" if it[0] == _NUL else it[0], event.payload)
    return event._replace(payload=readable)
