"""Whatever a portal sends is decoded into facts that every read model can hold, or refused."""

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import Any, Final, get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventstore.event import Event
from projections.decode import decode
from projections.errors import Undecodable
from projections.facts import MAX_ID, Basis, Decoded, Kind
from tests import samples
from tests.projections.decode.received import received, with_payload

TREES: Final = [samples.tree(name) for name in samples.ITEMS + samples.WEBHOOKS + samples.OWN]
CANARY: Final = "canary-8093714426"
FIRST: Final = int(datetime.min.replace(tzinfo=UTC).timestamp()) * 1_000_000
LAST: Final = int(datetime.max.replace(tzinfo=UTC).timestamp() + 1) * 1_000_000


def nested(depth: int) -> Any:
    tree: Any = "deep"
    for _ in range(depth):
        tree = [tree]
    return tree


ODD: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 1.5, 2**31, MAX_ID, MAX_ID + 1, 10**30, 1e300),
    *("", "0", "-1", "Y", "x", "\0", "a\0b\\u0000", "9" * 19, "9" * 25, "9" * 5000, "1_0", " 7 "),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-09-14T10:15:00", "20260914"),
    *("textarea", "add", "[USER=7]", f"[USER={'7' * 5000}]", "chat7", "chat2201/", "/", "_", "٣"),
    *([], {}, [[]], [None], {"": ""}, {"id": 1}, {"ID": "1"}, {"14": {}}, {"x": None}),
    nested(60),
    nested(250),
]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Give every (container, key) of the tree, outermost first."""
    found = []
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        found.append((tree, key))
        found += places(tree[key])
    return found


@st.composite
def damaged(draw: st.DrawFn, odd: st.SearchStrategy[Any]) -> Event:
    """Receive a real event of which one, two or three values are replaced or removed."""
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    event = received(tree)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(tree) or [(tree, "data")]))
        if draw(st.booleans()):
            container[key] = copy.deepcopy(draw(odd))
        else:
            del container[key]
    return with_payload(event, tree)


def leaves(tree: Any) -> list[Any]:
    """Give every scalar and every key of the tree."""
    if isinstance(tree, dict):
        return [*tree, *(leaf for node in tree.values() for leaf in leaves(node))]
    if isinstance(tree, list | tuple):
        return [leaf for node in tree for leaf in leaves(node)]
    return [tree]


def check_storable(decoded: Decoded) -> None:
    written = [json.loads(fact.detail) for fact in decoded.facts if fact.detail]
    written += [json.loads(content) for content in decoded.profiles.values()]
    for leaf in leaves([decoded.facts, written]):
        assert leaf is None or type(leaf) in {bool, int, str}
        assert "\0" not in str(leaf)
        assert not isinstance(leaf, int) or FIRST <= leaf <= MAX_ID
    for fact in decoded.facts:
        assert fact.kind in get_args(Kind)
        assert fact.basis in get_args(Basis)
        assert FIRST <= fact.occurred_at <= LAST
        ids = (fact.message_id, fact.chat_id, fact.user_id)
        assert all(number is None or 0 <= number <= MAX_ID for number in ids)
        assert {fact.chat_profile, fact.user_profile} - {None} <= decoded.profiles.keys()


@given(damaged(st.sampled_from(ODD)))
@settings(max_examples=1000, deadline=None)
def test_a_damaged_event_is_decoded_into_storable_facts_or_refused(event: Event) -> None:
    try:
        decoded = decode(event)
    except Undecodable as refusal:
        assert 0 < len(refusal.reason) < 200
        assert "the decoder failed" not in refusal.reason  # that is for what we did not foresee
    else:
        check_storable(decoded)


@given(damaged(st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, {CANARY: {CANARY: [CANARY]}}])))
@settings(max_examples=1000, deadline=None)
@example(with_payload(received(samples.tree("legacy/onimcommandadd.json")), CANARY))
def test_a_refusal_never_quotes_what_was_sent(event: Event) -> None:
    try:
        decode(event)
    except Undecodable as refusal:
        assert CANARY not in str(refusal)
        assert refusal.__context__ is None


@given(st.text(max_size=50) | st.binary(max_size=50).map(lambda raw: raw.decode("latin-1")))
@settings(deadline=None)
def test_any_payload_at_all_is_decoded_or_refused(payload: str) -> None:
    event = received(TREES[0])._replace(payload=payload)

    with contextlib.suppress(Undecodable):
        check_storable(decode(event))
