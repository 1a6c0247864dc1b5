"""Reads one queue, call by call, for as long as the lease on it lasts.

A call acknowledges what the calls before it have stored. What is told of the watch comes to the log
behind the events that it speaks of, and before the catalog knows of either: wherever it is cut off,
the next reader asks for the same page again, and the log knows it by its keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, select

from eventstore import log
from eventstore.directory import Portal
from eventstore.envelope import Receiving, events_of
from eventstore.errors import PortalMismatch
from eventstore.event import Instant, NewEvent
from eventstore.fetching.connections import Connection
from eventstore.fetching.items import read, seen_by
from eventstore.fetching.means import Line, Means
from eventstore.fetching.portal_client import (
    Answer,
    AuthFailed,
    BotNotFound,
    NotSubscribed,
    PortalError,
    RateLimited,
    Refused,
    Unreachable,
)
from eventstore.fetching.queue import PAGE, RETENTION, Item, Page, Queue, page_of
from eventstore.fetching.queues import Lease, QueueRow, State
from eventstore.fetching.watch import Cause, Sees, Watch
from eventstore.schema import event

_log = structlog.get_logger()

BETWEEN: Final = 2.0
"""Seconds between two calls while there is more (reference, section 2.3)."""

_BUSY: Final = 5.0
_IDLE: Final = 30.0
"""Seconds between two calls when a queue is empty: behind news at first, and after a while."""

_SUBSCRIBING: Final = 3_600.0
"""Seconds for which a queue stays empty until it is subscribed to again: the queue of a user to
whom nobody subscribes is empty, too (reference, section 2.3)."""

_SUSPICION: Final = 3_600 * 1_000_000
"""Microseconds for which a foreign reader is suspected behind the last sign of one."""

_AWAY: Final = 180 * 1_000_000
"""Microseconds behind the end of a watch after which nobody has looked, for longer than a poller
pauses, or is taken over: all that was left in the queue may have grown too old meanwhile."""

_USER: Final = "im.v2.Event.get"
_BOT: Final = "imbot.v2.Event.get"
SUBSCRIBE: Final = "im.v2.Event.subscribe"
UNSUBSCRIBE: Final = "im.v2.Event.unsubscribe"

_STATES: Final[Mapping[type[PortalError], State]] = {
    AuthFailed: "auth_failed",
    NotSubscribed: "not_subscribed",
    BotNotFound: "bot_not_found",
    RateLimited: "rate_limited",
}

_NEWEST: Final = (
    select(event.c.sequence, event.c.sent_at)
    .where(
        event.c.portal_id == bindparam("portal_id"),
        event.c.receiver == bindparam("receiver"),
        event.c.key.like("fetch:%"),
    )
    .order_by(event.c.sequence.desc())
    .limit(1)
)


@dataclass
class Counts:
    """What came of the pages that were read."""

    fetched: int = 0
    appended: int = 0
    quarantined: int = 0


def method_of(connection: Connection) -> str:
    """Return the method that gives the events of a queue."""
    return _BOT if connection.is_bot else _USER


def params_of(connection: Connection) -> dict[str, Any]:
    """Return what it is always asked with."""
    params: dict[str, Any] = {"botId": connection.receiver_id} if connection.is_bot else {}
    return {**params, "withUserEvents": True} if connection.user_receiver else params


class Reader:
    """One queue, and who reads it. Every method raises what the store and the lease raise."""

    def __init__(  # noqa: PLR0913 - all that reading takes
        self,
        connection: Connection,
        portal: Portal,
        means: Means,
        lease: Lease,
        *,
        line: Line,
        row: QueueRow,
    ) -> None:
        self._connection = connection
        self._portal = portal
        self._means = means
        self._lease = lease
        self._line = line
        self._pace = means.pace(portal.id)
        self._method = method_of(connection)
        self._queue = Queue.known(row.newest, row.newest_date, row.acknowledged)
        self._in_log = (row.newest, row.newest_date)
        self._watch = Watch(
            row.since, row.until, row.told_until, row.sees, row.hole_from, row.hole_cause
        )
        self._row = row
        self._before = row.fetched
        self._met = row.met
        self._at: Instant | None = None
        self._suspected_at: Instant | None = None
        self._log_lost = False
        self._subscribed_at: float | None = None
        self._idle = _BUSY
        self.pause = _BUSY
        """Seconds until the next call, if all is well."""
        self.counts = Counts()

    async def compare_with_log(self) -> None:
        """Trust the log where the catalog says more: one of them was restored from a backup."""
        newest = self._queue.newest
        if newest is None:
            return
        async with self._means.log.reading() as session:
            if await log.positions(session, self._portal.id, [f"fetch:{newest}"]):
                return
        kept, date = await self._newest_in_log()
        _log.error(
            "the log lacks events that were acknowledged: it was restored from a backup",
            portal=self._portal.slug,
            receiver=self._connection.receiver,
        )
        self._log_lost = True
        self._queue = Queue(kept, date, kept)
        self._in_log = (kept, date)
        self._met = date
        if kept is None:
            self._watch = Watch()

    async def step(self) -> bool:
        """Ask once, and store what comes; return whether there is more. Raises PortalError."""
        await self._subscribe_if_due()
        offset = self._queue.offset(self._at)
        params = {**params_of(self._connection), "limit": PAGE}
        if offset is not None:
            params["offset"] = offset
        page = page_of(self._method, await self._ask(self._method, params))
        if page.full and not page.ids:
            raise Unreachable(f"{self._method}: a full page, and nothing in it can be read")
        return await self._store(page, offset)

    async def failed(self, error: PortalError) -> None:
        """Keep that a call has failed, and tell how far the queue was watched before."""
        if isinstance(error, NotSubscribed):
            self._subscribed_at = None
        state = _state_of(error)
        if state != self._row.state:
            _log.warning(
                "a queue cannot be read",
                portal=self._portal.slug,
                receiver=self._connection.receiver,
                state=state,
                error=str(error),
            )
            await self._tell(now=True)
        failing = self._row.failing_since_at or self._means.clock.now()
        await self._keep(state, error=str(error), failing_since_at=failing)

    async def end(self) -> None:
        """Tell how far the queue was watched."""
        await self._tell(now=True)
        await self._keep(self._row.state)

    async def _ask(self, method: str, params: Mapping[str, Any]) -> Answer:
        await self._pace.turn(method)
        answer = await self._line.call(method, params)
        self._pace.answered(method, answer)
        return answer

    async def _subscribe_if_due(self) -> None:
        if self._connection.is_bot and self._connection.user_receiver is None:
            return
        now = self._means.clock.monotonic()
        if self._subscribed_at is not None and now - self._subscribed_at < _SUBSCRIBING:
            return
        if self._subscribed_at is not None and self._queue.tail:
            return  # what is left in the queue would be gone
        try:
            await self._ask(SUBSCRIBE, {})
        except Refused as error:
            raise NotSubscribed(str(error)) from None
        self._subscribed_at = now

    async def _store(self, page: Page, offset: int | None) -> bool:
        # Whatever was cut off, we never acknowledge the newest event that the catalog knows of.
        before = self._queue
        stolen = bool(before.vanished(page, offset))
        items = before.new(page)
        await self._append(items)
        progress = self._follow(page, offset)
        await self._see(page, before, stolen=stolen)
        self._pause(more=page.full, progress=progress, news=bool(items))
        return page.full

    async def _append(self, items: list[Item]) -> None:
        how = self._receiving("fetch", self._connection.receiver)
        try:
            found = read(items, self._connection, how, self._portal.member_id)
        except PortalMismatch:
            raise AuthFailed(f"{self._method}: these are another portal's events") from None
        for receiver, events in found.events:
            self.counts.appended += await self._means.append(self._portal, receiver, events)
            self._note(events)
        for unread in found.unread:
            if not await self._means.seal(self._portal, *unread):
                raise Unreachable(f"{self._method}: the quarantine is full, and takes no item")
        self.counts.fetched += len(items)
        self.counts.quarantined += len(found.unread)

    def _note(self, events: Sequence[NewEvent]) -> None:
        for each in events:
            if each.sequence is not None and each.sequence >= (self._in_log[0] or 0):
                self._in_log = each.sequence, each.sent_at

    def _follow(self, page: Page, offset: int | None) -> bool:
        """Know that a page is stored; return whether the next call will see more than this one."""
        self._queue = self._queue.stored(page, offset)
        self._at = page.at
        return (self._queue.offset(self._at) or 0) > (offset or 0)

    async def _see(self, page: Page, before: Queue, *, stolen: bool) -> None:
        """Know how the queue was watched, and tell it when that is due.

        `before` is the queue as it was known before this page.
        """
        sees = seen_by(self._connection, page.items, self._watch.sees)
        state: State = "ok"
        if stolen:
            self._suspected_at, self._subscribed_at = page.at, None
            _log.error(
                "events vanished from a queue: somebody else acknowledges them",
                portal=self._portal.slug,
                receiver=self._connection.receiver,
            )
        if self._suspected_at is not None and page.at - self._suspected_at < _SUSPICION:
            state = "foreign_reader_suspected"
        watch = self._watched(page, before, sees, stolen=stolen)
        if watch.since != self._watch.since:
            await self._tell(now=True)
        self._watch = watch
        await self._tell(now=state != self._row.state)
        if page.ids:
            self._met = page.at
        now = self._means.clock.now()
        await self._keep(state, error=None, failing_since_at=None, succeeded_at=now)

    def _watched(self, page: Page, before: Queue, sees: Sees, *, stolen: bool) -> Watch:
        watch, cause = self._watch, self._outage()
        # Of two queues in one page, each may have been emptied behind the other's events.
        since = page.whole_since if len(self._connection.receivers) == 1 else page.behind
        until = page.at if watch.until is None else watch.until
        outlived = page.at - until > _AWAY and before.outlived(page, until)
        if self._log_lost or stolen or outlived:
            if stolen or self._log_lost:
                cause = "foreign_reader" if stolen else "poller_down"
            self._log_lost = False
            return watch.broken(
                since=since, until=page.complete_until, sees=sees, cause=cause, seen=self._met
            )
        if watch.robbed and not before.met(page):
            return watch.begun_again(since=since, sees=sees) if page.ids else watch
        return watch.watched(at=page.at, until=page.complete_until, sees=sees, cause=cause)

    def _outage(self) -> Cause:
        """Say why nobody has read the queue, if that was for long."""
        row = self._row
        tried = (
            row.failing_since_at is not None
            and row.succeeded_at is not None
            and row.failing_since_at - row.succeeded_at < RETENTION
        )
        return "poll_outage_over_retention" if tried else "poller_down"

    async def _newest_in_log(self) -> tuple[int | None, Instant | None]:
        found: tuple[int | None, Instant | None] = (None, None)
        for receiver in self._connection.receivers:
            async with self._means.log.reading() as session:
                rows = await session.rows(_NEWEST, portal_id=self._portal.id, receiver=receiver)
            for sequence, sent_at in rows:
                if sequence is not None and sequence > (found[0] or -1):
                    found = (int(sequence), sent_at)
        return found

    async def _tell(self, *, now: bool) -> None:
        """Append how the queue was watched: every ten minutes, or all that is new now."""
        if not self._watch.due(now=now):
            return
        for receiver in self._connection.receivers:
            sees: Sees = "everything" if receiver.startswith("user:") else _sees(self._watch.sees)
            tree = self._watch.event(self._method, sees)
            told = events_of(tree, self._receiving("fetch", receiver))
            events = [each for each in told if isinstance(each, NewEvent)]
            await self._means.append(self._portal, receiver, events)
        self._watch = self._watch.told()

    def _receiving(self, source: str, receiver: str) -> Receiving:
        return Receiving(
            self._means.clock.now(),
            self._means.catalog.fingerprints,
            self._portal.hmac_key,
            source,
            receiver,
        )

    def _pause(self, *, more: bool, progress: bool, news: bool) -> None:
        if more:
            self.pause = BETWEEN if progress else _BUSY
            return
        self._idle = _BUSY if news else min(self._idle * 1.5, _IDLE)
        self.pause = self._idle

    async def _keep(self, state: State, **changed: Any) -> None:
        now = self._means.clock.now()
        watch, queue = self._watch, self._queue
        since = self._row.state_since_at if state == self._row.state else now
        values = {
            **changed,
            "state": state,
            "state_since_at": since,
            "fetched": self._before + self.counts.appended + self.counts.quarantined,
            "newest": self._in_log[0],
            "newest_date": self._in_log[1],
            "acknowledged": queue.acknowledged,
            "met": self._met,
            "since": watch.since,
            "until": watch.until,
            "told_until": watch.told_until,
            "sees": watch.sees,
            "hole_from": watch.hole_from,
            "hole_cause": watch.hole_cause,
        }
        await self._lease.keep(**values)
        self._row = replace(self._row, **values)


def _state_of(error: PortalError) -> State:
    if isinstance(error, Refused):
        return "auth_failed" if "ACCESS" in error.code else "unreachable"
    return _STATES.get(type(error), "unreachable")


def _sees(known: str | None) -> Sees:
    return "everything" if known == "everything" else "mentions"
