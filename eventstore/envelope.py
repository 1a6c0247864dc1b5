"""A webhook's or a queue item's wrapping: type, key, receiver, times, whose it is."""

import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from eventstore.errors import PortalMismatch, UnreadableBody
from eventstore.event import Instant, NewEvent
from eventstore.own_events import is_own, key_of, source_of
from eventstore.redaction import MARKER, Fingerprints, dump, redact

_LONGEST_TYPE: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_EARLIEST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_RECEIVER: Final = re.compile("(?:user|bot):[0-9]{1,19}|app")
_SECONDS: Final = re.compile("-?[0-9]{1,12}")


class Receiving(NamedTuple):
    """What a body does not say about itself.

    `receiver` must be a valid one; `portal_key` makes the keys of imported webhooks, and is never
    rotated, so that importing a file again changes nothing.
    """

    received_at: Instant
    fingerprints: Fingerprints
    portal_key: bytes
    source: str = "import"
    receiver: str = "app"


def webhook(
    tree: Any, *, delivery_id: str, received_at: Instant, fingerprints: Fingerprints
) -> NewEvent:
    """Read a webhook's delivery, which is an event of its own whatever was delivered before.

    No field identifies a delivery (reference, trap 25), so the caller gives it an id. Raises
    UnreadableBody for what is no webhook, and for what `redact` and `dump` refuse.
    """
    return _said_by_webhook(
        tree,
        key=f"webhook:{delivery_id}",
        payload=dump(redact(tree, fingerprints)),
        how=Receiving(received_at, fingerprints, portal_key=b"", source="webhook"),
    )


def events_of(tree: Any, how: Receiving) -> list[NewEvent | UnreadableBody]:
    """Read a webhook's envelope, a queue item, an Event.get answer or an event of ours, in order.

    An item of an answer that is no event stands as an UnreadableBody in its own place, so that
    it does not take the others with it. Raises UnreadableBody for anything else: an error answer,
    an array, a webhook or an item that is none.
    """
    if not isinstance(tree, dict):
        raise UnreadableBody("neither a webhook nor a queue item nor an Event.get answer")
    if "eventId" in tree and "type" in tree:
        return [_item(tree, how)]
    if is_own(tree):
        return [_own(tree, how)]
    if "event" in tree:
        payload = dump(redact(tree, how.fingerprints))
        digest = hmac.digest(how.portal_key, payload.encode(), "sha256").hex()
        return [_said_by_webhook(tree, key=f"import:{digest}", payload=payload, how=how)]
    result = tree.get("result")
    items = result.get("events") if isinstance(result, dict) else None
    if not isinstance(items, list):
        raise UnreadableBody("neither a webhook nor a queue item nor an Event.get answer")
    return [_item_or_reason(item, how) for item in items]


def application_token(tree: Any) -> str | None:
    """Give the token that proves the sender: the top-level one, never a bot's copy of it."""
    return _text(_auth(tree).get("application_token"))


def member_id(tree: Any) -> str | None:
    """Give the stable name of the portal that a webhook says it is from (trap 40)."""
    return _text(_auth(tree).get("member_id"))


def check_portal(tree: Any, expected: str, portal: str) -> None:
    """Raise PortalMismatch if a body names another portal than `expected`, wherever it names one.

    A webhook names it at the top and in its bots' token blocks (reference, section 1.3.1), a page
    of a queue in each of its items. A body that says nothing, as a queue item, passes.
    """
    own = _bytes(expected)
    for event in _bodies(tree):
        for block in _token_blocks(event):
            said = block.get("member_id")
            if said in (None, "", expected):
                continue
            if not hmac.compare_digest(_bytes(str(said)), own):
                raise PortalMismatch(portal=portal)


def valid_receiver(text: str) -> bool:
    """Whether `text` names a receiver: `user:41`, `bot:931` or `app`."""
    return _RECEIVER.fullmatch(text) is not None


def instant_of(text: Any) -> Instant | None:
    """Read a moment as Bitrix24 spells it; None where it is none, or has no zone."""
    try:
        date = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if date.tzinfo is None else _in_time((date - _EPOCH) // _MICROSECOND)


def comparable(payload: str) -> bytes:
    """Spell what two readers of one queue item must agree on.

    Fingerprints differ between installation keys, and `data.bot` between readers: its counters
    move, and only the owner sees some of them (reference, section 3.6).
    """
    tree = from_json(MARKER.sub("redacted", payload))
    if isinstance(tree, dict) and isinstance(tree.get("data"), dict):
        tree["data"].pop("bot", None)
    return json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()


def _item_or_reason(item: Any, how: Receiving) -> NewEvent | UnreadableBody:
    try:
        return _item(item, how)
    except UnreadableBody as reason:
        return reason


def _item(tree: Any, how: Receiving) -> NewEvent:
    if not (isinstance(tree, dict) and "eventId" in tree and "type" in tree):
        raise UnreadableBody("no queue item: it needs both eventId and type")
    event_type = _event_type(tree["type"])
    sequence = _event_id(tree["eventId"])
    return NewEvent(
        key=f"fetch:{sequence}",
        source=how.source,
        receiver=_receiver(event_type, tree.get("data"), how.receiver),
        sequence=sequence,
        event_type=event_type,
        received_at=how.received_at,
        sent_at=instant_of(tree.get("date")),
        payload=dump(redact(tree, how.fingerprints)),
    )


def _own(tree: dict[str, Any], how: Receiving) -> NewEvent:
    event_type: str = tree["type"]
    payload = dump(redact(tree, how.fingerprints))
    return NewEvent(
        key=key_of(event_type, payload, how.receiver, how.portal_key),
        source=source_of(event_type),
        receiver=how.receiver,
        sequence=None,
        event_type=event_type,
        received_at=how.received_at,
        sent_at=instant_of(tree.get("date")),
        payload=payload,
    )


def _said_by_webhook(tree: Any, *, key: str, payload: str, how: Receiving) -> NewEvent:
    if not isinstance(tree, dict):
        raise UnreadableBody("no webhook: not an object")
    event_type = _event_type(tree.get("event"))
    return NewEvent(
        key=key,
        source=how.source,
        receiver=_receiver(event_type, tree.get("data"), how.receiver),
        sequence=None,
        event_type=event_type,
        received_at=how.received_at,
        sent_at=_of_ts(tree.get("ts")),
        payload=payload,
    )


def _event_type(said: Any) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= _LONGEST_TYPE:
        raise UnreadableBody("no event type")
    if not said.isprintable():  # PostgreSQL takes no NUL, and nobody reads the others
        raise UnreadableBody("an event type of unprintable characters")
    return said


def _event_id(said: Any) -> int:
    if isinstance(said, str) and _is_id(said):
        said = int(said)
    if type(said) is not int or not 0 <= said < 2**63:
        raise UnreadableBody("no queue item: eventId is no id")
    return said


def _receiver(event_type: str, data: Any, given: str) -> str:
    """Name who witnessed it: the bot that the event names, else the given one."""
    if event_type.upper().startswith("ONIMV2"):  # also on a bot's page, and about a bot
        return given if given.startswith("user:") else "app"
    bot = _bot(event_type, data) if isinstance(data, dict) else None
    if bot is None:
        return given
    return f"bot:{bot}" if _is_id(str(bot)) else "app"


def _bot(event_type: str, data: dict[str, Any]) -> Any:
    """The bot's id as it was sent; of several bots the lowest (reference, trap 17)."""
    bot = data.get("bot")
    if isinstance(bot, dict) and "id" in bot:
        return bot["id"]
    bots, commands = data.get("BOT"), data.get("COMMAND")
    if isinstance(bots, dict) and bots:
        return _lowest(bots)
    if isinstance(commands, dict) and commands:
        called = commands.get(_lowest(commands))
        return called.get("BOT_ID") if isinstance(called, dict) else None
    return data.get("BOT_ID") if event_type.upper() == "ONIMBOTDELETE" else None


def _lowest(by_id: dict[str, Any]) -> str:
    return min(filter(_is_id, by_id), key=int, default="")


def _is_id(text: str) -> bool:
    return 0 < len(text) <= len(str(2**63)) and text.isascii() and text.isdigit()


def _of_ts(seconds: Any) -> Instant | None:
    if isinstance(seconds, str) and _SECONDS.fullmatch(seconds):
        seconds = int(seconds)
    return _in_time(seconds * 1_000_000) if type(seconds) is int else None


def _in_time(at: int) -> Instant | None:
    return at if _EARLIEST <= at <= _LATEST else None


def _auth(tree: Any) -> dict[str, Any]:
    return _object(tree, "auth") if isinstance(tree, dict) else {}


def _bodies(tree: Any) -> Iterator[dict[str, Any]]:
    """Give a body, and the items of the page that it may be."""
    if not isinstance(tree, dict):
        return
    yield tree
    result = tree.get("result")
    items = result.get("events") if isinstance(result, dict) else None
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def _token_blocks(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give every object of an event that can name its portal."""
    yield event
    yield _object(event, "auth")
    data = _object(event, "data")
    bot = _object(data, "bot")
    yield bot
    yield _object(bot, "auth")
    for name in ("BOT", "COMMAND"):
        elements = data.get(name)
        # PHP spells a map whose keys count from 0 as an array.
        listed = elements if isinstance(elements, list) else _object(data, name).values()
        for element in listed:
            if isinstance(element, dict):
                yield element
                yield _object(element, "AUTH")


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    found = of.get(key)
    return found if isinstance(found, dict) else {}


def _text(said: Any) -> str | None:
    return said if isinstance(said, str) else None


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
