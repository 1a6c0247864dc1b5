"""From the items of a page to events: whose each is, and what cannot be read."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from eventstore.envelope import Receiving, check_portal, events_of
from eventstore.errors import PortalMismatch, UnreadableBody
from eventstore.event import NewEvent
from eventstore.fetching.connections import Connection
from eventstore.fetching.queue import Item
from eventstore.fetching.watch import Sees
from eventstore.quarantine import Unreadable

_SEE_ALL = frozenset({"supervisor", "personal"})


class Unread(NamedTuple):
    """An item that nobody can read, to be sealed."""

    body: bytes
    found: Unreadable


class Read(NamedTuple):
    """The events of a page, in order, in groups of one receiver each; and the others."""

    events: Sequence[tuple[str, Sequence[NewEvent]]]
    unread: Sequence[Unread]


def read(items: Iterable[Item], connection: Connection, how: Receiving, member_id: str) -> Read:
    """Read the items of a page. Raises PortalMismatch if one says it is of another portal."""
    groups: list[tuple[str, list[NewEvent]]] = []
    unread: list[Unread] = []
    for item in items:
        receiver = _receiver(item.tree, connection)
        event = _event(item.tree, how._replace(receiver=receiver), member_id)
        if isinstance(event, UnreadableBody):
            found = Unreadable(how.received_at, "fetch", receiver, str(event))
            unread.append(Unread(json.dumps(item.tree).encode(), found))
        elif groups and groups[-1][0] == receiver:
            groups[-1][1].append(event)
        else:
            groups.append((receiver, [event]))
    return Read(groups, unread)


def seen_by(connection: Connection, items: Iterable[Item], known: str | None) -> Sees:
    """Return what a receiver sees: of a bot, its type says it, as its newest item tells."""
    if not connection.is_bot:
        return "everything"
    for item in reversed([*items]):
        kind = _at(item.tree, "data", "bot", "type")
        if kind is not None and str(_at(item.tree, "data", "bot", "id")) == str(
            connection.receiver_id
        ):
            return "everything" if kind in _SEE_ALL else "mentions"
    return "everything" if known == "everything" else "mentions"


def _event(tree: Any, how: Receiving, member_id: str) -> NewEvent | UnreadableBody:
    try:
        check_portal(tree, member_id, "this portal")
        if not (isinstance(tree, dict) and "eventId" in tree and "type" in tree):
            return UnreadableBody("no queue item: it needs both eventId and type")
        (event,) = events_of(tree, how)
    except UnreadableBody as error:
        return error
    except PortalMismatch:
        raise
    except Exception as error:  # noqa: BLE001 - a defect of ours must not stop a queue
        return UnreadableBody(f"a defect of ours ({type(error).__name__})")
    return event


def _receiver(tree: Any, connection: Connection) -> str:
    """Return whose an item is: a bot's page may hold its user's events too."""
    kind = tree.get("type") if isinstance(tree, dict) else None
    of_user = isinstance(kind, str) and kind.upper().startswith("ONIMV2")
    return (
        connection.user_receiver or "app" if connection.is_bot and of_user else connection.receiver
    )


def _at(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
