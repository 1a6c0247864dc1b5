"""A server with the events of the demo, whose answers are the same every time."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from eventstore.fetching.connections import Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.fetching.queues import Queues
from eventstore.folder import Folder
from eventstore.tokens import Tokens
from scripts.demo import PORTAL, RECEIVER
from tests.exports import place_made
from tests.promises.server import NDJSON, NOW, Served, serving

SAMPLES: Final = Path(__file__).parents[2] / "scripts" / "samples"
SCOPES: Final = ("messages:read", "messages:read.deleted", "events:read", "export", "audit")

_RECEIVED: Final = "2026-09-14T12:00:00.000000Z"
_MOVING: Final[Mapping[str, str]] = {
    "received_at": _RECEIVED,
    "next": "eyJrIjoi…",
    "fingerprint": "0f6d3a51c2e94b87.93be07f1a4d2c568",
}
"""Fields whose values differ from run to run, and what is shown instead."""

_LAST: Final = NOW + 3_600_000_000

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_SECRET: Final = re.compile(r"redacted:1:[0-9a-f]+")


@dataclass
class Answers:
    """Asks the server, and makes its answers comparable."""

    served: Served
    token: str
    token_id: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _uuids: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> Any:
        """Return what an address answers, without what differs from run to run."""
        response = await self.served.client.get(
            path, headers={"Authorization": f"Bearer {self.token}"}
        )
        assert response.status_code == 200, f"{path}: {response.text}"
        return self._settled(response.json())

    def _settled(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._settled(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self._settled(part) for part in value]
        if not isinstance(value, str):
            return 86_368.2 if name == "seconds_left" and value is not None else value
        if name in _MOVING:
            return _MOVING[name]
        if name == "at" and not value.startswith("2026-09-14"):
            return _RECEIVED  # somebody read: now
        value = value.replace(self.token_id, "4f1c0a9be27d")
        return _SECRET.sub("redacted:1:5d41402abc4b", _UUID.sub(self._uuid, value))

    def _uuid(self, found: re.Match[str]) -> str:
        number = self._uuids.setdefault(found[0], f"{next(self._numbers):012x}")
        return f"01993f2e-7a00-7000-8000-{number}"


@asynccontextmanager
async def answering(path: Path) -> AsyncIterator[Answers]:
    """Serve the events of the demo from a new store."""
    async with serving(Folder(path)) as served:
        for body in (SAMPLES / "webhooks.txt").read_bytes().splitlines():
            response = await served.hook(body)
            assert response.status_code == 200, response.text
        response = await served.feed(
            (SAMPLES / "queue.ndjson").read_bytes(), receiver=RECEIVER, content_type=NDJSON
        )
        assert response.status_code == 200, response.text
        await served.hook(b"{", "application/json")
        token_id, token = await Tokens(served.state.catalog).create(
            portals=[PORTAL], scopes=SCOPES, now=NOW
        )
        await _connect(served)
        await served.state.live.catch_up()
        await served.state.refresh()
        await place_made(served)
        yield Answers(served, token, token_id)


async def _connect(served: Served) -> None:
    """Let the queue of the demo's user be fetched, as far as the catalog knows."""
    hook = Credentials(Webhook("acme.bitrix24.example", 58, "FAKE_CODE"))
    connections, queues = Connections(served.state.catalog), Queues(served.state.catalog)
    made = await connections.add(served.portal.id, RECEIVER, hook, now=NOW)
    await queues.take(made, "docs", await queues.one(made))
    watched = {"since": NOW, "until": NOW + 3_569_000_000, "sees": "everything"}
    times = {"state_since_at": NOW, "tried_at": _LAST, "succeeded_at": _LAST, "fetched": 217}
    await queues.keep(made, "docs", {"state": "ok", **times, **watched})
