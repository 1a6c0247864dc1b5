"""`chronicle reconcile`: reads history over REST, and finds what nobody told of."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import typer
import uvloop

from api.times import now, to_instant
from eventstore.database import Pool, Session
from eventstore.directory import Portal
from eventstore.envelope import Receiving, events_of
from eventstore.event import Instant, NewEvent
from eventstore.fetching.bitrix24 import Bitrix24
from eventstore.fetching.clock import Clock, SystemClock
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.means import Stop
from eventstore.fetching.pace import Pace
from eventstore.fetching.portal_client import PortalError
from eventstore.log import heads_of
from projections.live import Live
from projections.reconcile.asking import Asking, Stopped
from projections.reconcile.chat import Reader, Summary
from projections.reconcile.methods import AsBot, AsUser
from projections.reconcile.reading import Wanted, chats_to_read, read_chats
from projections.reconcile.told import Body
from projections.reconcile.walk import Target
from scripts.console import (
    Failure,
    Json,
    OnePortal,
    application,
    example,
    run,
    say,
    show_json,
    show_table,
)
from scripts.delivery import Deliver, delivery
from scripts.progress import Progress
from scripts.store import OpenStore, open_store

app = application()

_PATIENCE: Final = 10.0
"""Seconds after which a projection that has not moved is left to whoever does it."""

Reading = Callable[[], AbstractAsyncContextManager[Session]]
"""Lends a session on what is known of the portal."""


@dataclass
class Counts:
    """What came of it: chats by how their reading ended, and what was found."""

    chats: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    missing: int = 0
    appended: int = 0
    calls: int = 0
    failed: int = 0
    stopped: bool = False

    def add(self, summary: Summary) -> None:
        """Count a chat that was read."""
        self.chats[summary.outcome] += 1
        self.messages += summary.messages
        self.missing += summary.missing

    def spelled(self) -> dict[str, Any]:
        """Spell them for a program."""
        outcomes = {name: self.chats[name] for name in ("read", "limited", "lost", "refused")}
        return {
            **outcomes,
            "messages": self.messages,
            "missing": self.missing,
            "appended": self.appended,
            "calls": self.calls,
            "stopped": self.stopped,
        }


@app.command(
    epilog=example(
        "chronicle reconcile --portal acme",
        "chronicle reconcile --portal acme --chat 2207 --since 2026-09-01T00:00:00Z",
    )
)
def reconcile(  # noqa: PLR0913 - the options of a command
    portal: OnePortal,
    chat: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", min=1, help="Only this chat; repeat it for more."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Read no further back than this: 2026-09-14T00:00:00Z.")
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(help="Read only as this connection: user:27, or bot:931.")
    ] = None,
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Read again what was read before, all the way.")
    ] = False,
    json: Json = False,
) -> None:
    """Read chats over REST, and append what stands there: what was missed becomes known.

    Reads back to what it read before, and always the newest 500 messages of a chat: edits and
    deletions of old ones show nowhere else. It may be ended at any time with Ctrl-C, and goes on
    where it was the next time. Ends with 1 where a connection could not read at all.
    """
    target = Target() if since is None else Target(_time(since))
    wanted = Wanted(chat or (), target, again)

    async def reconciled() -> Counts:
        async with open_store() as store:
            return await _read(store, store.snapshot.portal(portal), receiver, wanted)

    counts = uvloop.run(reconciled())
    if json:
        show_json(counts.spelled())
    else:
        spelled = counts.spelled()
        show_table(list(spelled)[:-1], [list(spelled.values())[:-1]])
    if counts.stopped:
        say("chronicle: stopped; the next time it goes on from here")
    if counts.stopped or counts.failed:
        raise typer.Exit(1)


async def _read(store: OpenStore, portal: Portal, receiver: str | None, wanted: Wanted) -> Counts:
    connections = Connections(store.catalog)
    found = await connections.of(portal.id)
    if receiver is not None:
        found = [await connections.one(portal.id, receiver)]
    if not found:
        raise Failure(f"{portal.slug} has no connection: `chronicle connection add` makes one")
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask)
    max_body = store.settings.max_body
    with Progress("messages") as progress:
        async with (
            delivery(store.place, portal, max_body=max_body) as deliver,
            _read_models(store, portal) as read_models,
        ):
            clock = SystemClock()
            reading = _Reading(
                store, portal, deliver, read_models, stop, clock, Pace(clock), progress
            )
            for connection in found:
                await reading.read_as(connection, connections, wanted)
    return reading.counts


@asynccontextmanager
async def _read_models(store: OpenStore, portal: Portal) -> AsyncIterator[Reading]:
    """Give the way to read what is known of a portal. Who has no server projects by itself."""
    if store.place.find_server() is None:
        async with _projecting(store, portal) as live:
            yield lambda: live.reading(portal.id)
        return
    # A server writes the file of a generation: nobody else may open it for that.
    beside = _Beside(store, portal)
    try:
        yield beside.reading
    finally:
        await beside.close()


@asynccontextmanager
async def _projecting(store: OpenStore, portal: Portal) -> AsyncIterator[Live]:
    events = Pool(store.place.log, 2)
    live = Live(store.place, events, project=True)
    try:
        await live.follow({portal.id: store.snapshot.pointers[portal.id]})
        await _settle(store, portal, live)
        yield live
        await _settle(store, portal, live)
    finally:
        await live.close()
        await events.close()


async def _settle(store: OpenStore, portal: Portal, live: Live) -> None:
    """Wait until all that was appended is projected, for as long as that goes on."""
    head = (await heads_of(store.place.log)).get(portal.id, 0)
    before = -1
    while not await live.wait_for(portal.id, head, seconds=_PATIENCE):
        if live.projected(portal.id) == before:
            return  # it will be later
        before = live.projected(portal.id)


class _Beside:
    """Reads the generation that a server projects, whichever it is."""

    def __init__(self, store: OpenStore, portal: Portal) -> None:
        self._store = store
        self._portal = portal
        self._number = 0
        self._pool: Pool | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Lend a session. Raises StoreUnavailable."""
        number = (await self._store.catalog.snapshot()).pointers[self._portal.id]
        if self._pool is None or number != self._number:
            await self.close()
            self._number, self._pool = number, Pool(self._store.place.generation(number), 1)
        async with self._pool.reading() as session:
            yield session

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()


@dataclass
class _Reading:
    """Reads a portal as one connection after another."""

    store: OpenStore
    portal: Portal
    deliver: Deliver
    read_models: Reading
    stop: Stop
    clock: Clock
    pace: Pace
    progress: Progress
    counts: Counts = field(default_factory=Counts)
    done: set[int] = field(default_factory=set)

    async def read_as(
        self, connection: Connection, connections: Connections, wanted: Wanted
    ) -> None:
        """Read what a connection sees, but for the chats that another one has read."""
        if self.counts.stopped:
            return
        network = self.store.settings.network
        client = await Bitrix24.open(connection, connections, network, self.clock)
        asking = Asking(client, self.pace, self.clock, self.stop)
        try:
            await self._read(connection, asking, wanted)
        except Stopped:
            self.counts.stopped = True
        except PortalError as error:
            self.counts.failed += 1
            self.progress.say(f"{connection.receiver}: {error}")
        finally:
            self.counts.calls += asking.calls
            await client.close()

    async def _read(self, connection: Connection, asking: Asking, wanted: Wanted) -> None:
        receiver = connection.receiver
        estimate = _Estimate(self.progress, self.counts)
        reader = Reader(
            self.portal.id,
            receiver,
            asking,
            AsBot(asking, connection.receiver_id) if connection.is_bot else AsUser(asking),
            self.read_models,
            lambda bodies: self._tell(receiver, bodies),
            estimate.at,
        )
        chats = [each for each in await chats_to_read(reader, wanted) if each not in self.done]
        estimate.chats = len(chats)
        async for summary in read_chats(reader, chats, wanted):
            self.counts.add(summary)
            estimate.read_chat(summary)
            if summary.outcome == "read":
                self.done.add(summary.chat_id)
            elif summary.code is not None:
                self.progress.say(f"chat {summary.chat_id}: {receiver} got {summary.code}")

    async def _tell(self, receiver: str, bodies: Collection[Body]) -> None:
        how = Receiving(
            now(), self.store.fingerprints, self.portal.hmac_key, source="rest", receiver=receiver
        )
        found = [event for body in bodies for event in events_of(body, how)]
        events = [event for event in found if isinstance(event, NewEvent)]
        outcomes = await self.deliver(events, receiver)
        self.counts.appended += sum(each.outcome == "appended" for each in outcomes)


@dataclass
class _Estimate:
    """How much there is to read, as if the chats to come were like those that were read."""

    progress: Progress
    counts: Counts
    chats: int = 0
    finished: int = 0
    messages: int = 0

    def at(self, read: int, expected: int | None) -> None:
        """Say how far the reading of a chat is."""
        known = self.messages + max(read, expected or 0)
        total = known * self.chats // (self.finished + 1)
        before = self.counts.messages
        self.progress.at(before + read, before - self.messages + total)

    def read_chat(self, summary: Summary) -> None:
        """Take a chat for read."""
        self.finished += 1
        self.messages += summary.messages


def _time(text: str) -> Instant:
    try:
        at = datetime.fromisoformat(text)
        instant = None if at.tzinfo is None else to_instant(at)
    except ValueError:
        instant = None
    if instant is None:
        raise typer.BadParameter("use a time like 2026-09-14T00:00:00Z", param_hint="--since")
    return instant


if __name__ == "__main__":
    run(app)
