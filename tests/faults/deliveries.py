"""Numbered events: the key says which, whichever way and however often it is delivered."""

from collections.abc import Iterable
from random import Random
from typing import Any, Final

from pydantic_core import from_json, to_json

from eventstore.envelope import Receiving, events_of
from eventstore.event import NewEvent
from eventstore.log import Pending
from eventstore.redaction import Fingerprints
from scripts.bench.events import generate
from tests import samples
from tests.faults.stores import Store
from tests.portal.payloads import form

_ITEM: Final = samples.tree("im_v2/onimv2messageadd.json")
_RECEIVED_AT: Final = 1_789_400_000_000_000


def item(number: int) -> dict[str, Any]:
    """The item of a queue that posts message `number`; texts differ in length, some by far."""
    random = Random(number)  # noqa: S311 - the same again is what we want
    text = f"{number} " + "word " * int(1_000 * random.random() ** 4)
    message = {**_ITEM["data"]["message"], "id": 1_000_000 + number, "text": text}
    return {**_ITEM, "eventId": number, "data": {**_ITEM["data"], "message": message}}


def key(number: int) -> str:
    """The key by which the log knows an item."""
    return f"fetch:{number}"


def body(numbers: Iterable[int]) -> bytes:
    """The answer of Event.get that holds these items."""
    return to_json({"result": {"events": [item(number) for number in numbers]}})


def webhook(number: int) -> bytes:
    """The form of a webhook that posts another message."""
    tree = samples.tree("legacy/onimbotmessageadd.json")
    names = {"MESSAGE_ID": str(2_000_000 + number), "TEMPLATE_ID": str(number)}
    tree["data"]["PARAMS"] |= names
    return form(tree)


def pending(store: Store, numbers: Iterable[int]) -> list[Pending]:
    """These items as the log takes them."""
    return _read(store, (item(number) for number in numbers))


def simulated(store: Store, count: int) -> list[Pending]:
    """Events of every kind and family, as the log takes them: the same ones every time."""
    return _read(store, map(from_json, generate(count, seed=1)))


def _read(store: Store, trees: Iterable[Any]) -> list[Pending]:
    how = Receiving(_RECEIVED_AT, Fingerprints(b"f" * 32, 1), store.portal.hmac_key)
    read = [event for tree in trees for event in events_of(tree, how)]
    return [Pending(store.portal.origin, event) for event in read if isinstance(event, NewEvent)]
