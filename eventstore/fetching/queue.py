"""A portal's queue, as far as it was read: what is new in a page, and what may be forgotten.

A call with an `offset` deletes every event below it, for every reader (reference, section 2.3). So:

- Only what is stored is acknowledged. The portal's own `nextOffset` and `lastEventId` are not
  looked at: they may be 0, null, or lower than before.
- An id is given before its event is committed. As long as an event is younger than LAG, a lower id
  may still come: so the last one that is older is left in the queue, and all behind it.
- The newest stored event is left there, and is the canary: when it is gone while it is younger than
  RETENTION, somebody else has acknowledged it, and with it perhaps what we never saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from eventstore.envelope import instant_of
from eventstore.event import Instant
from eventstore.fetching.portal_client import Answer, Unreachable

PAGE: Final = 1_000
"""Events that are asked for at once: what a portal gives at most."""

LAG: Final = 31_000_000
"""Microseconds in which an event with a lower id may still be committed: thirty seconds, and one
since a portal's times are whole seconds."""

SECOND: Final = 1_000_000
"""The resolution of a portal's times, in microseconds."""

RETENTION: Final = 24 * 3_600 * 1_000_000
"""Microseconds after which a portal forgets an event that nobody has acknowledged."""


class Item(NamedTuple):
    """An event of a page, as it came. Of what is no event, `id` is None."""

    id: int | None
    date: Instant | None
    tree: Any


class Page(NamedTuple):
    """What a portal answered: its events, whether there may be more, and its clock."""

    items: Sequence[Item]
    full: bool
    at: Instant

    @property
    def ids(self) -> list[int]:
        """The ids of its events."""
        return [item.id for item in self.items if item.id is not None]

    @property
    def complete_until(self) -> Instant:
        """Up to when nothing is left in the queue: what may come late aside."""
        dates = [item.date for item in self.items if item.date is not None]
        return (min(self.at, max(dates, default=0)) if self.full else self.at) - LAG

    @property
    def behind(self) -> Instant:
        """From when on all that was written was written behind this answer.

        Within its own second something may have been written, and taken by another, before it.
        """
        return self.at + SECOND

    @property
    def whole_since(self) -> Instant:
        """Since when nobody has taken anything from this queue: who does takes all that is older.

        What was committed late may outlive newer events, which were taken before it showed.
        """
        dates = [(item.id, item.date) for item in self.items if item.id and item.date is not None]
        return min(min(dates)[1] + LAG, self.behind) if dates else self.behind


@dataclass(frozen=True)
class Queue:
    """How far a queue was read. `newest` is the highest id that is stored, of `newest_date`.

    `tail` are the ids that are stored and not acknowledged, each with the moment from which its age
    counts: its date, or when it was first seen if that is earlier, or all that is known. `end` is
    where the last page ended, if it was full: what is behind it was not looked at again.
    """

    newest: int | None = None
    newest_date: Instant | None = None
    acknowledged: int | None = None
    tail: Mapping[int, Instant] = field(default_factory=dict)
    end: int | None = None

    @classmethod
    def known(
        cls, newest: int | None, newest_date: Instant | None, acknowledged: int | None
    ) -> "Queue":
        """Begin where a process before this one has ended."""
        left = newest is not None and newest_date is not None and newest >= (acknowledged or 0)
        tail = {newest: newest_date} if left else {}
        return cls(newest, newest_date, acknowledged, tail)  # type: ignore[arg-type] # not None

    def offset(self, at: Instant | None) -> int | None:
        """Return what may be acknowledged, at this moment of the portal: all below it is stored.

        None acknowledges nothing. Before the first page of a process, its moment is None: what was
        young when the one before it ended is not known any more.
        """
        if at is None:
            return self.acknowledged
        young = min((id_ for id_, since in self.tail.items() if at - since < LAG), default=None)
        # Ids ascend with time: what is below a settled one is settled too, and was on the page.
        settled = [
            id_
            for id_ in self.tail
            if (young is None or id_ < young) and (self.end is None or id_ <= self.end)
        ]
        return max(settled, default=self.acknowledged)

    def vanished(self, page: Page, offset: int | None) -> list[int]:
        """Return which events were left in the queue, are not there, and are too young for that."""
        missing = self._missing(page, offset)
        return [id_ for id_ in missing if page.at - self.tail[id_] < RETENTION]

    def met(self, page: Page) -> bool:
        """Say whether a page holds anything of what was left in the queue."""
        return any(item.id in self.tail for item in page.items)

    def outlived(self, page: Page, looked: Instant) -> bool:
        """Say whether all that was left in the queue grew too old after somebody looked last.

        Nobody knows then whether it was taken before it did, and what else with it.
        """
        newest = max(self.tail.values(), default=None)
        return newest is not None and newest + RETENTION > looked and not self.met(page)

    def new(self, page: Page) -> list[Item]:
        """Return what of a page is not stored yet, as far as this process knows."""
        return [item for item in page.items if item.id is None or item.id not in self.tail]

    def stored(self, page: Page, offset: int | None) -> "Queue":
        """Know that a page is stored, which was asked for with this offset."""
        floor = max(offset or 0, self.acknowledged or 0)
        gone = set(self._missing(page, offset))
        tail = {id_: since for id_, since in self.tail.items() if id_ >= floor and id_ not in gone}
        newest, newest_date = self.newest, self.newest_date
        for item in page.items:
            if item.id is None:
                continue
            since = page.at if item.date is None else min(item.date, page.at)
            tail[item.id] = min(tail.get(item.id, since), since)
            if newest is None or item.id >= newest:
                newest, newest_date = item.id, tail[item.id]
        end = max(page.ids, default=None) if page.full else None
        return Queue(newest, newest_date, floor or None, tail, end)

    def _missing(self, page: Page, offset: int | None) -> list[int]:
        there = set(page.ids)
        # Behind the end of a full page, nobody knows.
        end = max(there, default=0) if page.full else None
        return [
            id_
            for id_ in self.tail
            if id_ >= (offset or 0) and id_ not in there and (end is None or id_ < end)
        ]


def page_of(method: str, answer: Answer, limit: int = PAGE) -> Page:
    """Read an Event.get answer, of either form. Raises Unreachable for what is none."""
    result = answer.result
    events = result.get("events") if isinstance(result, dict) else None
    if not isinstance(events, list):
        raise Unreachable(f"{method}: an answer without events")
    items = [_item(tree) for tree in events]
    full = bool(items) and (result.get("hasMore") is True or len(items) >= limit)
    return Page(items, full, answer.at)


def _item(tree: Any) -> Item:
    if not isinstance(tree, dict):
        return Item(None, None, tree)
    return Item(_id(tree.get("eventId")), instant_of(tree.get("date")), tree)


def _id(said: Any) -> int | None:
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20:  # noqa: PLR2004
        said = int(said)
    return said if type(said) is int and 0 < said < 2**63 else None
