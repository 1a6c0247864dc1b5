"""A simulated portal, and pollers of its queues that live in its time."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from eventstore.appender import Appender
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal
from eventstore.errors import StoreUnavailable
from eventstore.event import Event, NewEvent
from eventstore.fetching.bitrix24 import answer_of
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.poller import Emptied, Poller
from eventstore.fetching.portal_client import (
    Answer,
    AuthFailed,
    BotNotFound,
    NotSubscribed,
    RateLimited,
    Unreachable,
)
from eventstore.fetching.queues import QueueRow, Queues
from eventstore.log import Outcome, Pending, page
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.store import Store
from tests.portal import portal as simulated
from tests.portal.errors import NetworkCut, PortalError
from tests.portal.oauth import MEMBER_ID

ERRORS: Mapping[str, type[Exception]] = {
    "INVALID_CREDENTIALS": AuthFailed,
    "BOT_NOT_FOUND": BotNotFound,
    "USER_NOT_SUBSCRIBED": NotSubscribed,
    "QUERY_LIMIT_EXCEEDED": RateLimited,
}


class PortalTime:
    """The portal's time as a poller's own: to wait is to let it pass."""

    def __init__(self, portal: simulated.Portal) -> None:
        self.portal = portal
        self.slept: list[float] = []

    def now(self) -> int:
        return int(self.portal.clock.now * 1_000_000)

    def monotonic(self) -> float:
        return self.portal.clock.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.portal.clock.advance(seconds)
        await asyncio.sleep(0)


@dataclass
class Line:
    """Asks the portal in memory, as one webhook."""

    polled: "Polled"
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        self.calls.append((method, params))
        self.polled.calls.append((method, dict(params)))
        if self.polled.tampered is not None and method.endswith("Event.get"):
            return (
                self.polled.tampered.pop(0)
                if self.polled.tampered
                else await self._ask(method, params)
            )
        return await self._ask(method, params)

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Answer:
        if self.polled.refused is not None:
            raise self.polled.refused
        given = dict(params)
        if method.startswith("imbot."):
            given["botToken"] = self.polled.bot_token
        try:
            tree = await self.polled.portal.call(self.polled.hook, method, given)
        except PortalError as error:
            raise ERRORS[error.code](f"{method}: {error.code}") from None
        except NetworkCut:
            raise Unreachable(f"{method}: no connection") from None
        return answer_of(method, tree, self.polled.time.now())

    async def close(self) -> None:
        """Hold nothing."""


@dataclass
class Polled:
    """A portal whose queues are polled into a store."""

    portal: simulated.Portal
    store: Store
    catalog: Catalog
    appender: Appender
    log: Pool
    of: Portal
    time: PortalTime
    hook: simulated.Webhook
    bot_token: str = ""
    refused: Exception | None = None
    tampered: list[Answer] | None = None
    broken: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def connect(
        self, receiver: str = "user:58", user_receiver: str | None = None
    ) -> Connection:
        credentials = Credentials(Webhook("acme.bitrix24.example", 58, "FAKE"))
        return await Connections(self.catalog).add(
            self.of.id, receiver, credentials, now=1, user_receiver=user_receiver
        )

    def means(self, holder: str = "one", *, alone: bool = True) -> Means:
        async def open_line(_connection: Connection) -> Line:
            return Line(self)

        return Means(
            catalog=self.catalog,
            log=self.log,
            append=self._append,
            seal=self._seal,
            open_line=open_line,
            clock=self.time,
            holder=holder,
            alone=alone,
            random=random.Random(1),  # noqa: S311
        )

    def poller(
        self,
        connection: Connection,
        holder: str = "one",
        *,
        alone: bool = True,
        stop: Stop | None = None,
    ) -> Poller:
        return Poller(connection, self.of, self.means(holder, alone=alone), stop or Stop())

    async def empty(self, connection: Connection) -> Emptied:
        """Poll as `chronicle poll --once` does."""
        return await self.poller(connection).empty()

    async def run(self, connection: Connection, seconds: float, *, hurry: float = 1) -> None:
        """Poll as `chronicle poll` does, for so long. Every wait takes `hurry` times as long."""
        stop = Stop()
        ends = self.time.monotonic() + seconds
        means = self.means()

        class Until(PortalTime):
            async def sleep(clock, seconds: float) -> None:  # noqa: N805
                await PortalTime.sleep(clock, seconds * hurry)
                if clock.monotonic() >= ends:
                    stop.ask()

        means.clock = Until(self.portal)
        await Poller(connection, self.of, means, stop).run()

    async def events(self) -> list[Event]:
        async with self.log.reading() as session:
            return await page(session, self.of.id, after=0, limit=100_000)

    async def fetched(self) -> list[int]:
        """Return the ids in the log, in its order."""
        return [event.sequence for event in await self.events() if event.sequence is not None]

    async def watches(self, receiver: str = "user:58") -> list[dict[str, Any]]:
        """Return what was told of a queue, in its order."""
        return [
            json.loads(event.payload)["data"]
            for event in await self.events()
            if event.event_type == "CHRONICLEQUEUEWATCHED" and event.receiver == receiver
        ]

    async def row(self, connection: Connection) -> QueueRow:
        return await Queues(self.catalog).one(connection)

    @property
    def offsets(self) -> list[int | None]:
        """Return what was acknowledged, call by call."""
        return [params.get("offset") for method, params in self.calls if "Event.get" in method]

    async def _append(self, portal: Portal, _receiver: str, events: Sequence[NewEvent]) -> int:
        if self.broken:
            raise StoreUnavailable("the log: broken")
        outcomes: Sequence[Outcome] = await self.appender.append_all(
            [Pending(portal.origin, event) for event in events]
        )
        return sum(outcome.outcome != "duplicate" for outcome in outcomes)

    async def _seal(self, portal: Portal, body: bytes, found: Unreadable) -> bool:
        return await Quarantine(self.catalog).keep(portal.id, body, found) is not None


@asynccontextmanager
async def polling(store: Store) -> AsyncIterator[Polled]:
    """Make a portal, with a chat of the users 41 and 58, and a store that knows it."""
    catalog = await Catalog.open(store, create=True)
    appender = await store.open_appender()
    log = Pool(store.log, 2)
    portal = simulated.Portal()
    try:
        await catalog.add_portal("acme", MEMBER_ID, now=1)
        of = (await catalog.snapshot()).portal("acme")
        hook = portal.add_webhook(58)
        yield Polled(portal, store, catalog, appender, log, of, PortalTime(portal), hook)
    finally:
        await log.close()
        await appender.close()
        await catalog.close()
