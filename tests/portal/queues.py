"""Queues as the reference tells them (section 2.3): one table, one auto-increment, rows that die.

An `offset` deletes every row of the queue below it, for every reader. A row that was written late
has a smaller id than rows that were read before it: it can be seen only after a while, and until
then it cannot be deleted either. For the truth's sake each row's end is kept: who has deleted it,
or that it grew too old.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

from tests.portal.clock import Clock
from tests.portal.switches import Switches

RETENTION: Final = 24 * 3_600.0
"""Seconds after which a row is gone, read or not."""

LARGEST_PAGE: Final = 1_000
FIRST_ID: Final = 700_000
_GAPS: Final = (1, 1, 1, 2, 5)
"""Between the ids of neighbours: the sequence is the whole portal's, and not all of it is ours."""


class Row(NamedTuple):
    """One item in one queue; nobody sees it before `visible_at`."""

    id: int
    item: dict[str, Any]
    written_at: float
    visible_at: float


class Page(NamedTuple):
    """What one call gives: the items, and whether the page was full."""

    items: list[dict[str, Any]]
    full: bool


@dataclass
class Fate:
    """What became of the rows of one queue, by their ids."""

    written: set[int] = field(default_factory=set)
    acknowledged: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By the reader that has deleted them."""
    expired: set[int] = field(default_factory=set)
    wiped: set[int] = field(default_factory=set)
    """Those that went when the user unsubscribed."""

    def within_reach_of(self, reader: str) -> set[int]:
        """Give the rows that a reader could have had: what it deleted, and what is still there.

        It may have had more: those that were gone after it had read them.
        """
        others = (ids for name, ids in self.acknowledged.items() if name != reader)
        return self.written.difference(self.expired, self.wiped, *others)


class Queues:
    """All queues of one portal, by receiver: `user:58`, `bot:931`."""

    def __init__(
        self, clock: Clock, random: Random, switches: Switches, *, first_id: int = FIRST_ID
    ) -> None:
        self.subscribed: set[int] = set()
        self.fates: dict[str, Fate] = defaultdict(Fate)
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._clock = clock
        self._random = random
        self._switches = switches
        self._last_id = first_id

    def write(self, receiver: str, spell: Callable[[int, int], dict[str, Any]]) -> int:
        """Write a row for one receiver, spelled with its id and its second; return the id."""
        self._last_id += self._random.choice(_GAPS)
        now, late = self._clock.now, 0.0
        if self._switches.late_by and self._random.random() < self._switches.late_share:
            late = self._switches.late_by
        row = Row(self._last_id, spell(self._last_id, int(now)), now, now + late)
        self._forget_old(receiver)
        self._rows[receiver].append(row)
        self.fates[receiver].written.add(row.id)
        return row.id

    def read(
        self, receivers: Sequence[str], reader: str, *, offset: int | None, limit: int
    ) -> Page:
        """Delete everything below the offset; give what is there from it on, oldest first."""
        found: list[Row] = []
        for receiver in receivers:
            self._forget_old(receiver)
            if offset is not None:
                self.fates[receiver].acknowledged[reader].update(self._delete(receiver, offset))
            found += self._visible(receiver, limit)
        found.sort(key=lambda row: row.id)
        page = [row.item for row in found[:limit]]
        return Page(page, full=len(page) == limit)

    def waiting(self, receiver: str) -> int:
        """Count the rows that wait in a queue, seen or unseen."""
        self._forget_old(receiver)
        return len(self._rows[receiver])

    def subscribe(self, user: int) -> None:
        """Begin to write rows for a user."""
        self.subscribed.add(user)

    def unsubscribe(self, user: int) -> None:
        """End that, for every application; what waits is gone too, if this portal does that."""
        self.subscribed.discard(user)
        if self._switches.unsubscribing_wipes:
            receiver = f"user:{user}"
            self.fates[receiver].wiped.update(row.id for row in self._rows.pop(receiver, []))

    def _visible(self, receiver: str, limit: int) -> list[Row]:
        now = self._clock.now
        found: list[Row] = []
        for row in self._rows[receiver]:
            if row.visible_at <= now:
                found.append(row)
                if len(found) == limit:
                    break
        return found

    def _forget_old(self, receiver: str) -> None:
        oldest = self._clock.now - RETENTION
        rows = self._rows[receiver]
        if rows and rows[0].written_at < oldest:
            gone = [row.id for row in rows if row.written_at < oldest]
            self._rows[receiver] = [row for row in rows if row.written_at >= oldest]
            self.fates[receiver].expired.update(gone)

    def _delete(self, receiver: str, offset: int) -> list[int]:
        rows = self._rows[receiver]
        place = bisect_left(rows, offset, key=lambda row: row.id)
        head = rows[:place]
        # What is not committed yet cannot be deleted; it goes with the next call that says so.
        unseen = [row for row in head if row.visible_at > self._clock.now]
        rows[:place] = unseen
        hidden = {row.id for row in unseen}
        return [row.id for row in head if row.id not in hidden]
