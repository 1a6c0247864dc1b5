"""What every stored store holds: the same, to the byte, whenever it is made."""

import hashlib
import os
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final
from unittest.mock import patch

from api import access_log
from api.access_log import AccessLog, Look
from eventstore.catalog import Catalog
from eventstore.directory import Limits, Rate
from eventstore.envelope import Receiving, events_of, webhook
from eventstore.event import NewEvent
from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.form import parse_form
from eventstore.log import Pending
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.tokens import Tokens
from tests import samples

NOW: Final = 1_789_400_000_000_000
ACME_KEY: Final = "FAKE_1"
GLOBEX_KEY: Final = "FAKE_2"
TOKEN: Final = "chronicle_FAKE_3"  # noqa: S105 - of nobody
"""What `fixed` makes of the first ingest keys, and of the token that may do everything."""

QUARANTINED: Final = b'{"event": "ONIMBOTMESSAGEADD", "data": {'

Append = Callable[[Sequence[Pending]], Awaitable[Any]]


@contextmanager
def fixed() -> Iterator[None]:
    """Let nothing be random: salts, nonces, keys and ids come one after another."""
    numbers: defaultdict[int, Iterator[int]] = defaultdict(lambda: count(1))

    def random_bytes(size: int) -> bytes:
        # Counted by their size: what a driver draws for itself is of another one.
        return hashlib.shake_256(b"%d" % next(numbers[size])).digest(size)

    names = count(1)
    with (
        patch.object(os, "urandom", random_bytes),
        patch.object(secrets, "token_bytes", random_bytes),
        patch.object(secrets, "token_hex", lambda size: random_bytes(size).hex()),
        patch.object(secrets, "token_urlsafe", lambda _size: f"FAKE_{next(names)}"),
    ):
        yield


async def fill(catalog: Catalog, append: Append) -> None:
    """Register two portals and two tokens, append events, an unreadable body, a queue."""
    await catalog.add_portal(
        "acme",
        "fakememberid00000000000000000001",
        now=NOW,
        application_tokens=["FAKE_APPLICATION_TOKEN_0001"],
        domain="acme.bitrix24.example",
    )
    await catalog.add_portal("globex", "another-member", now=NOW + 1)
    scopes = ["messages:read", "messages:read.deleted", "events:read", "events:write"]
    await Tokens(catalog).create(
        portals=["acme", "globex"], scopes=scopes, now=NOW, label="for the tests' sake"
    )
    revoked, _ = await Tokens(catalog).create(
        portals=["acme"], scopes=["audit"], now=NOW, expires_at=NOW + 9
    )
    await Tokens(catalog).revoke(revoked, now=NOW + 2)
    limits = Limits(frozenset({2207, 5}), NOW - 1, NOW + 1, Rate.read("600/minute"))
    narrowed, _ = await Tokens(catalog).create(
        portals=["acme"], scopes=["messages:read"], now=NOW, limits=limits
    )
    await Tokens(catalog).note_uses({narrowed: NOW + 3})
    await catalog.count_rejections({(1, "application_token"): 3})
    found = Unreadable(NOW, "webhook", "app", "no JSON: EOF while parsing a value")
    await Quarantine(catalog).keep(1, QUARANTINED, found)
    hook = Webhook("acme.bitrix24.example", 27, "FAKE_CODE")
    await Connections(catalog).add(1, "user:27", Credentials(hook), now=NOW)
    portals = (await catalog.snapshot()).portals
    for slug, events in (("acme", _of_acme), ("globex", _of_globex)):
        origin = portals[slug].origin
        await append([Pending(origin, event) for event in events(catalog, origin.hmac_key)])


async def look(catalog: Catalog, append: Append) -> None:
    """Record who read: a page and a message, by the token that may do everything."""
    snapshot = await catalog.snapshot()
    token = next(each for each in snapshot.tokens.values() if each.label)
    log = AccessLog(append)
    with patch.object(access_log, "now", lambda: NOW + 3):
        for number, (route, ids, count) in enumerate(
            (
                ("/v1/portals/{portal}/messages", {}, 2),
                ("/v1/portals/{portal}/messages/{message}", {"message": 190411}, 1),
            )
        ):
            request = Look(
                origin=snapshot.portal("acme").origin,
                token_id=token.id,
                request_id=f"0199f0a0-0000-7000-8000-0000000001{number:02d}",
                callers_id="a-trace-of-theirs",
                route=route,
                ids=ids,
                filters={"state": "live"} if count > 1 else {},
            )
            await log.read(request, position=9, count=count, status=200)


def _of_acme(catalog: Catalog, portal_key: bytes) -> Iterator[NewEvent]:
    """A message that is posted, edited and deleted, by three witnesses; what nobody can decode."""
    tree = parse_form(samples.sample("legacy/onimbotmessageadd.form"))
    for number, event in enumerate((tree, {**tree, "event": "ONSOMETHINGNEW"})):
        yield webhook(
            event,
            delivery_id=f"0199f0a0-0000-7000-8000-{number:012d}",
            received_at=NOW,
            fingerprints=catalog.fingerprints,
        )
    fetched = Receiving(NOW + 1, catalog.fingerprints, portal_key, "fetch", "bot:931")
    names = ("messageadd", "messageupdate", "messagedelete", "reactionchange")
    for item in [samples.tree(f"imbot_v2/onimbotv2{name}.json") for name in names]:
        yield from _events(item, fetched)
    conflict = samples.tree("imbot_v2/onimbotv2messageadd.json")
    conflict["data"]["message"]["text"] = "other words: Tomás' ✅ \\ \x00 \U0001f680"
    yield from _events(conflict, fetched)
    imported = Receiving(NOW + 2, catalog.fingerprints, portal_key, "import", "user:58")
    for name in ("im_v2/onimv2messageadd.json", "common/onappinstall.json"):
        yield from _events(samples.tree(name), imported)


def _of_globex(catalog: Catalog, portal_key: bytes) -> Iterator[NewEvent]:
    how = Receiving(NOW, catalog.fingerprints, portal_key)
    yield from _events({"event": "ONSOMETHINGELSE"}, how)


def _events(tree: Any, how: Receiving) -> Iterator[NewEvent]:
    yield from (event for event in events_of(tree, how) if isinstance(event, NewEvent))
