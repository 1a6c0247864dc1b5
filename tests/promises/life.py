"""A portal that goes on sending while a reader looks at it."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from pydantic_core import to_json

from eventstore.tokens import Tokens
from projections.difference import Difference
from projections.verify_log import verify_log
from projections.verify_read_models import verify_read_models
from tests import samples
from tests.promises.server import JSON, NOW, SLUG, Served

PATIENCE = 60


class Life:
    """A portal that goes on sending, and a reader who looks at it all the while."""

    def __init__(self, served: Served, token: str) -> None:
        self.served = served
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.sent = 0
        self.seen = 0

    async def send(self) -> None:
        """Send one message after another."""
        for number in count(1):
            webhook = samples.tree("legacy/onimbotmessageadd.json")
            name = str(500_000 + number)
            webhook["data"]["PARAMS"] |= {"MESSAGE_ID": name, "TEMPLATE_ID": name}
            answer = await self.served.hook(to_json(webhook), JSON)
            assert answer.status_code == 200
            self.sent = answer.json()["position"]
            await asyncio.sleep(0.002)

    async def read(self) -> None:
        """Look whether time runs backwards, or something that was there is there no more."""
        position = messages = 0
        while True:
            said = await self.asked(f"/v1/portals/{SLUG}")
            assert said["data"]["projected"] >= position
            page = await self.asked(f"/v1/portals/{SLUG}/messages?limit=50")
            assert page["meta"]["position"] >= position
            assert len(page["data"]) >= min(messages, 50)
            position, messages = page["meta"]["position"], len(page["data"])
            self.seen += 1
            await asyncio.sleep(0.01)

    async def asked(self, path: str) -> Any:
        """Return what is answered."""
        answer = await self.served.client.get(path, headers=self.bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, done: Callable[[], bool]) -> None:
        """Let it go on until then."""
        async with asyncio.timeout(PATIENCE):
            while not done():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def differences(self) -> list[Difference]:
        """What is stored of the portal and is not what the log says."""
        live, portal = self.served.state.live, self.served.portal
        head = self.served.state.head(portal)
        await self.until(lambda: live.projected(portal.id) >= head)
        portals = [(await self.served.state.catalog.snapshot()).portals[SLUG]]
        store = self.served.store
        return [
            *[found async for found in verify_log(store, portals, unread)],
            *[found async for found in verify_read_models(store, portals, unread)],
        ]


async def reader(served: Served) -> str:
    """Make a token that may read messages."""
    _, token = await Tokens(served.state.catalog).create(
        portals=[SLUG], scopes=["messages:read"], now=NOW
    )
    await served.state.refresh()
    return token


def unread(_done: int, _total: int) -> None:
    """Nobody watches the progress."""
