"""A simulated portal, a store beside it, and the readings of the one that go into the other."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from eventstore.database import Pool
from eventstore.envelope import Receiving, events_of
from eventstore.event import Instant, NewEvent
from eventstore.fetching.means import Stop
from eventstore.fetching.pace import Pace
from eventstore.migrations import ensure
from eventstore.own_events import MESSAGES_READ
from eventstore.store import Store
from projections.generations import prepare_generation
from projections.members import MemberRow
from projections.messages import MessageRow
from projections.projector import Projector
from projections.read import members, messages
from projections.reconcile.asking import Asking, Stopped
from projections.reconcile.chat import Reader, Summary
from projections.reconcile.methods import AsBot, AsUser, Methods
from projections.reconcile.reading import Wanted, chats_to_read, read_chats
from projections.reconcile.told import Body
from projections.reconcile.walk import WINDOW, Target
from tests.portal.bots import Bot
from tests.portal.client import DirectClient
from tests.portal.portal import FOREIGN, Portal, Webhook
from tests.portal.truth import Chat, Message, World
from tests.projections.stored import append, portal, projecting
from tests.promises.received import FINGERPRINTS, KEY
from tests.promises.server import NOW

RECEIVER = "user:58"
BOT = Bot(931, "FAKE_BOT_TOKEN")
SECOND = 1_000_000


class PortalsClock:
    """The portal's own clock, which goes on while somebody waits."""

    def __init__(self, simulated: Portal) -> None:
        self._clock = simulated.clock
        self.slept: list[float] = []

    def now(self) -> Instant:
        return int(self._clock.now * SECOND)

    def monotonic(self) -> float:
        return self._clock.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(seconds)


class Killed(Exception):
    """The process that reads was killed."""


@dataclass
class Reconciled:
    """What is read of a portal, and told to a store."""

    store: Store
    simulated: Portal
    webhook: Webhook
    projector: Projector
    pool: Pool
    stop: Stop = field(default_factory=Stop)
    told: list[Body] = field(default_factory=list)
    """All that the log was told, in its order."""
    on_tell: Callable[[], None] = lambda: None
    """Is called after the log was told something."""

    @property
    def world(self) -> World:
        return self.simulated.world

    @property
    def pages(self) -> list[list[int]]:
        """The ids on each page that the log was told of."""
        return [
            [message["id"] for message in body["data"]["messages"]]
            for body in self.told
            if body["type"] == MESSAGES_READ
        ]

    def write(self, chat: Chat, count: int, author: int = 41) -> list[Message]:
        """Let somebody write some messages, a minute apart."""
        written = []
        for number in range(count):
            self.wait(60)
            written.append(self.world.post(chat.id, author, f"word {number}"))
        return written

    def wait(self, seconds: float) -> None:
        self.simulated.clock.advance(seconds)

    async def read(
        self, *chats: Chat, as_bot: bool = False, window: int = WINDOW, again: bool = False
    ) -> list[Summary]:
        """Reconcile."""
        reader = self._reader(as_bot=as_bot)
        wanted = Wanted([chat.id for chat in chats], Target(window=window), again)
        ids = await chats_to_read(reader, wanted)
        return [each async for each in read_chats(reader, ids, wanted)]

    async def read_until_stopped(self, *chats: Chat) -> None:
        """Reconcile until somebody asks to end, and forget that."""
        try:
            await self.read(*chats)
        except Stopped:
            self.stop = Stop()
        else:
            raise AssertionError

    def _reader(self, *, as_bot: bool) -> Reader:
        receiver = BOT.receiver if as_bot else RECEIVER
        client = DirectClient(self.simulated, self.webhook, BOT.token)
        clock = PortalsClock(self.simulated)
        asking = Asking(client, Pace(clock), clock, self.stop)
        methods: Methods = AsBot(asking, BOT.id) if as_bot else AsUser(asking)

        async def tell(bodies: Sequence[Body]) -> None:
            await self.append(bodies, receiver)
            self.told += bodies
            self.on_tell()

        return Reader(1, receiver, asking, methods, self.pool.reading, tell, lambda _, __: None)

    async def append(self, bodies: Sequence[Body], receiver: str = RECEIVER) -> None:
        """Append bodies as a receiver's, and project them."""
        how = Receiving(NOW, FINGERPRINTS, KEY, source="fetch", receiver=receiver)
        events = [event for body in bodies for event in events_of(body, how)]
        assert all(isinstance(event, NewEvent) for event in events)
        if events:
            await append(self.store, portal(), [e for e in events if isinstance(e, NewEvent)])
        await self.projector.catch_up()

    async def fetch(self) -> None:
        """Append what waits in the queue of the user."""
        page = self.simulated.queues.read([RECEIVER], FOREIGN, offset=None, limit=1_000)
        await self.append(page.items)
        self.simulated.queues.read([RECEIVER], FOREIGN, offset=10**9, limit=1)

    async def message(self, message_id: int) -> MessageRow:
        async with self.pool.reading() as session:
            row = await messages.one(session, 1, message_id)
        assert row is not None
        return row

    async def states(self) -> Counter[str]:
        """How many messages are known to be live, and deleted."""
        async with self.pool.reading() as session:
            rows = [await messages.one(session, 1, each) for each in self.world.messages]
        return Counter(row.state for row in rows if row)

    async def members(self, chat: Chat) -> dict[int, MemberRow]:
        async with self.pool.reading() as session:
            found = await members.intervals(
                session, 1, chat.id, current=False, key=members.FIRST, limit=100
            )
        return {row.user_id: row for row in found}


@asynccontextmanager
async def reconciled(store: Store) -> AsyncIterator[Reconciled]:
    """A portal in which 58 reads, and a store that knows nothing of it."""
    await ensure(store)
    simulated = Portal()
    simulated.add_bot(BOT)
    await prepare_generation(store, 1)
    pool = Pool(store.generation(1), 2)
    async with projecting(store, portal()) as projector:
        yield Reconciled(store, simulated, simulated.add_webhook(58), projector, pool)
    await pool.close()
