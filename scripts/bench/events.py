"""Realistic events from a seed: all kinds, three families, one portal, about 1.2 KB each."""

from collections.abc import Iterator
from itertools import islice

from pydantic_core import to_json

from scripts.bench.envelope import form
from scripts.bench.simulation import Portal


def generate(count: int, seed: int) -> Iterator[bytes]:
    """Give `count` events as lines of NDJSON, no two of them the same."""
    for event in islice(Portal(seed).deliveries(), count):
        yield to_json(event) + b"\n"


def webhooks(count: int, seed: int) -> Iterator[bytes]:
    """Give the bodies of `count` webhooks, form-encoded as a portal sends them."""
    sent = (event for event in Portal(seed).deliveries() if "event" in event)
    return map(form, islice(sent, count))
