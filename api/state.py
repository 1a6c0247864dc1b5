"""What every request may use, from the server's start to its end."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

from api.access_log import AccessLog
from api.confirm import confirm
from api.exporting import Exporting
from api.feeds import Feeds
from api.guesses import GuessedTokens
from api.metrics import Metrics
from api.paging import Cursors
from api.rates import Rates
from api.settings import Settings
from api.spooling import Spooling
from api.times import now
from api.token_uses import TokenUses
from eventstore.catalog import Catalog
from eventstore.database import Pool
from eventstore.directory import Portal, Snapshot
from eventstore.errors import StoreUnavailable
from eventstore.intake import Door
from eventstore.log import Origin, Outcome, Pending, heads, newest
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.redaction import Fingerprints
from eventstore.spool import Spooled
from eventstore.store import Store
from eventstore.tokens import Tokens
from eventstore.wakeups import Wakeups
from projections.live import Live

_PATIENCE: Final = 2.0
"""Seconds that are waited for the catalog before a body waits beside the spool."""


class Kept(NamedTuple):
    """Where an unreadable body is: under a number in quarantine, waiting for one, or nowhere."""

    number: int | None
    waits: bool = False


@dataclass
class State:
    """The parts of a running server."""

    settings: Settings
    store: Store
    catalog: Catalog
    quarantine: Quarantine
    fingerprints: Fingerprints
    cursors: Cursors
    door: Door
    live: Live
    wakeups: Wakeups
    feeds: Feeds
    log: Pool
    access_log: AccessLog
    access_entries: Pool
    exporting: Exporting
    heads: dict[int, int]
    snapshot: Snapshot
    run_key: str = field(repr=False)
    confirmed: bool = False
    spooling: Spooling | None = None
    rates: Rates = field(default_factory=Rates)
    token_uses: TokenUses = field(default_factory=TokenUses)
    guessed_tokens: GuessedTokens = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    rejected: Counter[tuple[int, str]] = field(default_factory=Counter)
    refresh_seconds: float = 0.5  # a revocation counts within one second
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _looked_at: float = 0.0

    def __post_init__(self) -> None:
        self.guessed_tokens = GuessedTokens(self.settings.trusted_proxies)

    async def append(self, batch: list[Pending]) -> Sequence[Outcome | Spooled]:
        """Take events of one portal in, and let the projector know.

        Raises StoreUnavailable, or SpoolFull where there is a spool, when none of them is kept.
        """
        with self.metrics.append_seconds.time():
            outcomes = await self.door(batch)
        self.landed(batch, outcomes)
        return outcomes

    def landed(self, batch: Sequence[Pending], outcomes: Sequence[Outcome | Spooled]) -> None:
        """Count what became of events, also of those that come from the spool."""
        for pending, outcome in zip(batch, outcomes, strict=True):
            self.metrics.outcomes.labels(outcome.outcome).inc()
            if outcome.position is not None:
                portal_id = pending.origin.portal_id
                self.heads[portal_id] = max(self.heads.get(portal_id, 0), outcome.position)
        self.live.wake()
        self.wakeups.tell()
        self.feeds.appended.ring()

    def use(self, spooling: Spooling) -> None:
        """Take events in by way of the spool if need be."""
        self.spooling = spooling
        self.door = spooling.intake.append

    def origins(self) -> Mapping[int, Origin]:
        """Return the portals whose events may go to the log: none before that is confirmed."""
        return self.snapshot.origins if self.confirmed else {}

    async def take_over(self, snapshot: Snapshot, found: Mapping[int, int]) -> None:
        """Use the store from now on: it is the one that this server belongs to."""
        self.snapshot = snapshot
        self.heads.update(found)
        self.confirmed = True
        await self._remember(found)

    async def _remember(self, found: Mapping[int, int]) -> None:
        if self.spooling is not None:
            await self.spooling.remember(self.snapshot)
            self.spooling.seen.note(found)

    def head(self, portal: Portal) -> int:
        """Return the newest position of a portal."""
        return self.heads.get(portal.id, 0)

    async def wait_for_head(self, portal: Portal, position: int, *, seconds: float) -> None:
        """Wait until the log has a position, so long at most. Raises StoreUnavailable."""
        if self.head(portal) >= position:
            return
        await self.feeds.appended.wait(seconds=seconds)
        if self.head(portal) < position:  # another server may have appended it
            async with self.log.reading() as session:
                head = await newest(session, portal.id)
            self.heads[portal.id] = max(self.head(portal), head)

    def reject(self, portal: Portal, reason: str) -> None:
        """Count a request that was refused after its portal was known."""
        self.rejected[portal.id, reason] += 1
        self.metrics.rejected.labels(portal.slug, reason).inc()

    async def look_again(self) -> bool:
        """Read the catalog if it changed, and say whether it did.

        Callers at the same moment share one look.
        """
        known, asked_at = self.snapshot, monotonic()
        async with self._looking:
            if self._looked_at < asked_at:
                self._looked_at = monotonic()
                if await self.catalog.revision() != self.snapshot.revision:
                    snapshot = await self.catalog.snapshot()
                    await self.live.follow(snapshot.pointers)
                    self.snapshot = snapshot
                    await self._remember({})
        return self.snapshot is not known

    async def quarantined(self, portal: Portal, body: bytes, found: Unreadable) -> Kept:
        """Keep a body that nobody could read, where it can be kept now.

        Raises StoreUnavailable when the catalog is away and there is no spool.
        """
        self.metrics.quarantined.labels(portal.slug).inc()
        if self.spooling is None:
            return Kept(await self.quarantine.keep(portal.id, body, found))
        if self.confirmed:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return Kept(await self.quarantine.keep(portal.id, body, found))
            except (StoreUnavailable, TimeoutError):
                pass
        return Kept(None, waits=self.spooling.bodies.keep(portal.id, body, found))

    async def refresh(self) -> None:
        """Read what changed elsewhere, and write down what was counted."""
        if not self.confirmed:
            await confirm(self)
        await self.look_again()
        if self.spooling is not None:
            await self.spooling.bodies.bring_to(self.quarantine)
        async with self._looking:  # or a request that looks again would be overtaken
            await self.live.follow(self.snapshot.pointers)
        async with self.log.reading() as session:
            found = await heads(session)
        for portal_id, head in found.items():
            self.heads[portal_id] = max(self.heads.get(portal_id, 0), head)
        if self.spooling is not None:
            self.spooling.seen.note(found)
        if uses := self.token_uses.due(moment := now()):
            await Tokens(self.catalog).note_uses(uses)
            self.token_uses.written(uses, moment)
        if self.rejected:
            counted, self.rejected = self.rejected, Counter()
            try:
                await self.catalog.count_rejections(counted)
            except StoreUnavailable:
                self.rejected += counted
                raise

    def lag(self, portal: Portal) -> int:
        """Return how many positions are not yet projected."""
        return max(self.head(portal) - self.live.projected(portal.id), 0)
