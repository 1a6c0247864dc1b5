"""What was sent is kept by both engines, which say the same of it; also where it means harm."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests import samples
from tests.engines import query
from tests.promises.conftest import Copied
from tests.promises.server import NDJSON, NOW, Registered, deliver, serving_again

HOSTILE: Final = ("a\0b", 2**63, -1, "9" * 20, 1.5, True, {"a\0": ["\0"]})
"""What PostgreSQL refuses in a text or a number, or takes for another type than SQLite does."""

TELLING: Final = (
    "im_v2/onimv2joinchat.json",
    "im_v2/onimv2messageadd.json",
    "im_v2/onimv2reactionchange.json",
    "imbot_v2/onimbotv2commandadd.webhook.json",
    "imbot_v2/onimbotv2messageupdate.json",
    "legacy/onimbotjoinchat.json",
    "legacy/onimbotmessageadd.json",
)
"""Samples that lead to every kind of row."""

WRAPPING: Final = ("event", "type", "eventId", "auth", "member_id")
"""What has such a value here is no event of this portal: there are other tests of that."""

HEADERS: Final = (
    "SELECT position, source, receiver, sequence, event_type, received_at, sent_at"
    " FROM event ORDER BY position"
)


@pytest.mark.postgresql
async def test_both_engines_say_the_same(
    portal_folder: Copied,
    portal_database: Copied,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.ingest.now", lambda: NOW)
    sent = b"\n".join(json.dumps(each).encode() for each in _hostile())

    async with portal_folder(tmp_path) as embedded, portal_database(tmp_path) as server:
        of_sqlite, of_postgresql = await _said(embedded, sent), await _said(server, sent)

    for name, rows in of_sqlite.items():
        assert sorted(set(rows) ^ set(of_postgresql[name])) == []
        assert len(rows) == len(of_postgresql[name])
    failed = ("not projected", "the decoder failed")
    assert [row for row in of_sqlite["undecoded"] for words in failed if words in row] == []


async def _said(registered: Registered, lines: bytes) -> dict[str, list[str]]:
    """Deliver all that there is; spell each row that a store has of it, types included."""
    async with serving_again(registered, max_body=len(lines)) as served:
        for name in [*samples.FORMS, *samples.WEBHOOKS, *samples.ITEMS, *samples.PAGES]:
            await deliver(served, name)
        answer = await served.feed(lines, content_type=NDJSON)
        said: dict[str, Any] = {"outcomes": answer.json()["results"], **await served.read_models()}
        said["event"] = await query(served.store.log, HEADERS)
        undecoded = "SELECT position, reason FROM undecoded ORDER BY position"
        said["undecoded"] = await query(served.generation, undecoded)
    assert all(said.values())
    return {name: list(map(repr, rows)) for name, rows in said.items()}


def _hostile() -> Iterator[Any]:
    """Give the samples with one of the values in each of their places, each an event of its own."""
    number = 1_000_000
    for name in TELLING:
        tree = samples.tree(name)
        for path in _places(tree):
            for value in () if set(path) & set(WRAPPING) else HOSTILE:
                number += 1
                yield _with({**tree, "eventId": number} if "type" in tree else tree, path, value)


def _places(node: Any) -> Iterator[tuple[Any, ...]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, below in entries:
        yield (key,)
        if isinstance(below, dict | list):
            yield from ((key, *path) for path in _places(below))


def _with(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return tree
