"""A story of a portal and of those who read it: what people do, what fails, who is killed.

One poller works at a time, and waiting takes no time, so that the same choices give the same story.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final, cast

from eventstore.appender import Appender
from eventstore.body import parse_body
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal as Registration
from eventstore.envelope import Receiving, events_of, webhook
from eventstore.event import NewEvent
from eventstore.fetching.connections import Connection, Connections
from eventstore.fetching.credentials import Credentials, Webhook
from eventstore.fetching.means import Means, Stop
from eventstore.fetching.pace import Pace
from eventstore.fetching.poller import Poller
from eventstore.fetching.queues import LEASE, Queues
from eventstore.log import Pending
from eventstore.quarantine import Unreadable
from projections.reconcile.asking import Asking
from projections.reconcile.chat import Reader, Summary
from projections.reconcile.methods import AsBot, AsUser
from projections.reconcile.reading import Wanted, chats_to_read, read_chats
from projections.reconcile.told import Body
from tests.portal.bots import Bot
from tests.portal.client import DirectClient
from tests.portal.hooks import Hooks
from tests.portal.people import LEDGER, READER, People
from tests.portal.portal import FOREIGN, Portal
from tests.portal.portal import Webhook as Hook
from tests.portal.queues import RETENTION
from tests.portal.truth import Impossible
from tests.portal.waiting import PortalTime
from tests.promises.mortal import Killed, Life, MortalAppender, MortalCatalog, MortalClient

USER: Final = f"user:{READER}"
BOT: Final = f"bot:{LEDGER}"
_TOKEN: Final = "FAKE_BOT_TOKEN_931"  # noqa: S105 - of an invented bot
_GAPS: Final = (0, 0, 1, 1, 3, 10, 20, 40, 300)
"""Seconds between two deeds: within one second, within the lag of the ids, or behind it."""


@dataclass
class Doors:
    """What all processes share: the store as each of them opens it."""

    catalog: Catalog
    appender: Appender
    log: Pool
    read_models: Pool
    project: Callable[[int], Awaitable[None]]
    alone: bool
    """Whether who polls knows that nobody else does: on an embedded store."""


class Story:
    """A portal with an installation that reads it. What happens is chosen by `random`."""

    def __init__(self, random: Random, doors: Doors, registration: Registration) -> None:
        self.random = random
        self.portal = Portal(seed=random.randrange(2**32))
        self.people = People(self.portal, Random(random.randrange(2**32)))  # noqa: S311
        self.registration = registration
        self.connections: list[Connection] = []
        self.hooks: dict[str, Hook] = {}
        self.told: list[str] = []
        """What happened, in a few words each: for who looks at a story that ended badly."""
        self._doors = doors
        hooks_random = Random(random.randrange(2**32))  # noqa: S311 - the same again is what we want
        self._hooks = Hooks(self.portal, hooks_random, lost=0.4, repeated=0.2, delay=50.0)
        self._heard = 0
        self._stop = Stop()
        self._stop_at: float | None = None
        self._processes = 0
        self._quiet = False

    async def begin(self) -> None:
        """Connect the queue of the user, of the bot, of both, or of both as one."""
        self.portal.add_bot(Bot(LEDGER, _TOKEN))
        chosen = self.random.choice(([USER], [USER], [BOT], [USER, BOT], [USER, BOT], ["both"]))
        for receiver in chosen:
            as_one = receiver == "both"
            name = BOT if as_one else receiver
            self.hooks[name] = hook = self.portal.add_webhook(READER)
            credentials = Credentials(
                Webhook("127.0.0.1", READER, hook.code), None if name == USER else _TOKEN
            )
            connection = await Connections(self._doors.catalog).add(
                self.registration.id,
                name,
                credentials,
                now=self._now,
                user_receiver=USER if as_one else None,
            )
            self.connections.append(connection)
            if name == USER or as_one:
                self.portal.queues.subscribe(READER)
        self._tell(f"connected {chosen}")
        await self.commit_late()

    @property
    def readers(self) -> dict[str, str]:
        """The receivers that are read, each with the name of its reader in the portal."""
        found: dict[str, str] = {}
        for connection in self.connections:
            for receiver in (connection.receiver, connection.user_receiver):
                if receiver is not None:
                    found[receiver] = self.hooks[connection.receiver].code
        return found

    async def live(self, steps: int) -> "Story":
        """Let so many things happen."""
        deeds: Sequence[Callable[[], Any]] = (
            *[self.let_people_live] * 6,
            *[self.poll] * 5,
            *[self.poll_until_killed] * 5,
            self.lose_the_network,
            self.meet_a_limit,
            *[self.commit_late] * 2,
            self.wait,
            self.oversleep,
            self.be_robbed,
            self.be_removed,
            *[self.hear_webhooks] * 2,
            self.reconcile,
        )
        for _ in range(steps):
            await self.random.choice(deeds)()
        return self

    async def let_people_live(self) -> None:
        """Let people do a few things, and let time pass between them."""
        for _ in range(self.random.randint(1, 8)):
            self.portal.clock.advance(self.random.choice(_GAPS))
            self._tell(self.people.do())

    async def poll(self) -> None:
        """Let a process poll one queue for a while, and end it as an operator does."""
        await self._poll(self.random.choice((0.0, 0.0, 30.0, 100.0, 700.0)), Life())

    async def poll_until_killed(self) -> None:
        """Let a process poll, and kill it."""
        await self._poll(200.0, Life(self.random.randint(1, 40)))

    async def lose_the_network(self) -> None:
        """Poll while the portal cannot be reached, or its answers do not come."""
        self.portal.switches.network = self.random.choice(("cut_before", "cut_after"))
        await self._poll(60.0, Life(self.random.choice((None, 12))))
        self.portal.switches.network = "up"

    async def meet_a_limit(self) -> None:
        """Poll while the portal wants fewer calls, or has worked enough."""
        limits = self.portal.limits
        if self.random.random() < 1 / 2:
            limits.per_second, limits.burst = 0.02, 1
        else:
            limits.cost = 300.0
        await self._poll(900.0, Life())
        limits.per_second, limits.cost = None, 0.0

    async def commit_late(self) -> None:
        """From now on some ids are late, by less than what pollers wait for; or none."""
        self.portal.switches.late_share = self.random.choice((0.0, 0.4))
        self.portal.switches.late_by = self.random.choice((2.0, 12.0, 25.0))
        self._tell(f"late: {self.portal.switches.late_share}")

    async def wait(self) -> None:
        """Let an hour or some pass in which nobody polls."""
        self.portal.clock.advance(self.random.choice((60.0, 3_600.0, 20_000.0)))
        self._tell("nobody polls for a while")

    async def oversleep(self) -> None:
        """Let more than a day pass, and people live in it."""
        self.portal.clock.advance(self.random.choice((0.0, RETENTION / 2)))
        for _ in range(self.random.randint(0, 3)):
            self.people.do()
        self.portal.clock.advance(RETENTION + self.random.choice((0.0, 100.0, 7_000.0)))
        self._tell("nobody polls for more than a day")

    async def be_robbed(self) -> None:
        """Let another application acknowledge what waits: of queues that are read as one, of both.

        Who takes one of the two is not noticed while the newest event is the other's; nor who takes
        what nothing is left in the queue to be missed with.
        """
        connection = self.random.choice(self.connections)
        row = await Queues(self._doors.catalog).one(connection)
        waiting = self.portal.queues.read(
            connection.receivers, FOREIGN, offset=None, limit=1_000
        ).items
        if row.newest not in {item["eventId"] for item in waiting}:
            return
        for receiver in connection.receivers:
            self._tell(f"{self.portal.steal(receiver)} stolen from {receiver}")

    async def be_removed(self) -> None:
        """Let 41 put the reader out of a group, or in again."""
        chat = self.random.choice(self.people.groups)
        receiver = self.random.choice((READER, LEDGER))
        with suppress(Impossible):
            if chat.has(receiver):
                self.portal.world.remove(chat.id, receiver, by=41)
            else:
                self.portal.world.join(chat.id, receiver, by=41)
            self._tell(f"{receiver} is in or out of {chat.id}")

    async def hear_webhooks(self) -> None:
        """Let the webhooks come that are due: some are lost, some come twice, some late."""

        async def hear(body: bytes) -> None:
            self._heard += 1
            event = webhook(
                parse_body(body),
                delivery_id=str(self._heard),
                received_at=self._now,
                fingerprints=self._doors.catalog.fingerprints,
            )
            await self._doors.appender.append_all([Pending(self.registration.origin, event)])

        before = self._heard
        await self._hooks.deliver(hear)
        self._tell(f"{self._heard - before} webhooks come")

    async def reconcile(self) -> None:
        """Read all chats of a connection over REST, as far as the portal lets it."""
        connection = self.random.choice(self.connections)
        self.portal.switches.history_days = self.random.choice((None, None, None, 0.5))
        await self._doors.project(self.registration.id)
        read = [each.outcome async for each in self._readings(connection)]
        self.portal.switches.history_days = None
        self._tell(f"reconciled as {connection.receiver}: {read}")

    async def _readings(self, connection: Connection) -> AsyncIterator[Summary]:
        token = _TOKEN if connection.is_bot else None
        client = DirectClient(self.portal, self.hooks[connection.receiver], token)
        clock = PortalTime(self.portal.clock, self._pass, calm=0)
        asking = Asking(client, Pace(clock), clock, Stop())
        receiver = connection.receiver

        async def tell(bodies: Sequence[Body]) -> None:
            how = Receiving(
                self._now,
                self._doors.catalog.fingerprints,
                self.registration.hmac_key,
                source="fetch",
                receiver=receiver,
            )
            events = [event for body in bodies for event in events_of(body, how)]
            told = [
                Pending(self.registration.origin, each)
                for each in events
                if isinstance(each, NewEvent)
            ]
            await self._doors.appender.append_all(told)
            await self._doors.project(self.registration.id)

        reader = Reader(
            self.registration.id,
            receiver,
            asking,
            AsBot(asking, connection.receiver_id) if connection.is_bot else AsUser(asking),
            self._doors.read_models.reading,
            tell,
            lambda _done, _total: None,
        )
        wanted = Wanted()
        async for summary in read_chats(reader, await chats_to_read(reader, wanted), wanted):
            yield summary

    async def settle(self) -> None:
        """Let everything be well again, and the queues be read to their end."""
        self.portal.switches.late_share = 0.0
        self._quiet = True
        for _ in range(2):
            self.portal.clock.advance(2 * LEASE)
            for connection in self.connections:
                await self._poll(200.0, Life(), connection)

    async def _poll(self, seconds: float, life: Life, connection: Connection | None = None) -> None:
        """Run one poller for so long, none if the time is over before its first answer."""
        connection = connection or self.random.choice(self.connections)
        self._processes += 1
        self._stop, self._stop_at = Stop(), self.portal.clock.now + seconds
        poller = Poller(connection, self.registration, self._means(life), self._stop)
        self._tell(f"polls {connection.receiver} for {seconds} s, {life}")
        with suppress(Killed):
            await (poller.run() if seconds else poller.empty())
            return
        self._tell("is killed")

    def _means(self, life: Life) -> Means:
        appender = MortalAppender(self._doors.appender, life)

        async def append(portal: Registration, _receiver: str, events: Sequence[NewEvent]) -> int:
            outcomes = await appender.append_all([Pending(portal.origin, each) for each in events])
            return sum(outcome.outcome == "appended" for outcome in outcomes)

        async def seal(_portal: Registration, _body: bytes, found: Unreadable) -> bool:
            raise AssertionError(found)

        async def open_line(connection: Connection) -> MortalClient:
            token = None if connection.receiver == USER else _TOKEN
            client = DirectClient(self.portal, self.hooks[connection.receiver], token)
            return MortalClient(client, life)

        return Means(
            catalog=cast("Catalog", MortalCatalog(self._doors.catalog, life)),
            log=self._doors.log,
            append=append,
            seal=seal,
            open_line=open_line,
            clock=PortalTime(self.portal.clock, self._pass, calm=0),
            holder=f"process {self._processes}",
            alone=self._doors.alone,
            random=self.random,
        )

    def _pass(self, moment: float) -> None:
        """Let time pass while a poller waits: people go on, and its own time may be over."""
        clock = self.portal.clock
        if not self._quiet and self.random.random() < 1 / 3:
            clock.advance(self.random.random() * (moment - clock.now))
            self.people.do()
        clock.advance(max(0.0, moment - clock.now))
        if self._stop_at is not None and clock.now >= self._stop_at:
            self._stop.ask()

    @property
    def _now(self) -> int:
        return int(self.portal.clock.now * 1_000_000)

    def _tell(self, said: str) -> None:
        self.told.append(f"{self.portal.clock.now:.0f} {said}")
