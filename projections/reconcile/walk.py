"""The walk through one chat: from its newest message back to what was read before.

It asks nobody. Who drives it asks the portal for `next()`, and gives the answer to `take`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from eventstore.event import MAX_INSTANT, Instant

WINDOW: Final = 500
"""Messages that are read again whatever was read before: an edit of an old one shows nowhere."""

_TRIES: Final = 3
"""Messages that are asked from before an empty page is believed."""

_ALWAYS: Final = -MAX_INSTANT


class Target(NamedTuple):
    """How far back to read: to a moment, or all; so many messages again, whatever was read."""

    since: Instant | None = None
    window: int = WINDOW


class Readings(NamedTuple):
    """When messages were posted that were read: without a break from `since` until `until`.

    None is the beginning of the chat.
    """

    since: Instant | None
    until: Instant


class Older(NamedTuple):
    """Asks for the page of messages older than this one; None asks for the newest."""

    than: int | None


class PostedFrom(NamedTuple):
    """Asks for the ids of the oldest messages that Chronicle knows from this moment on."""

    at: Instant


class Page(NamedTuple):
    """What was answered: ids that ascend, when the oldest was posted, whether more may follow."""

    ids: Sequence[int]
    oldest: Instant | None
    more: bool


class Walk:
    """Reads back to its target, to what was read `before`, or to the beginning of the chat."""

    def __init__(self, target: Target, before: Sequence[Readings]) -> None:
        self.read = 0
        """Messages that were read."""
        self.at_beginning = False
        """Whether nothing older is there that was not read, now or before."""
        self.saw_beginning = False
        """Whether the portal gave nothing older."""
        self.oldest: Instant | None = None
        """When the oldest message was posted that was read without a break."""
        self._target = _ALWAYS if target.since is None else target.since
        self._before = before
        self._window = target.window
        self._anchors: list[int | None] = [None]
        self._lowest: int | None = None
        self._to_find: Instant | None = None

    def next(self) -> Older | PostedFrom | None:
        """Return what is to be asked next; None when the walk is done."""
        if self._to_find is not None:
            return PostedFrom(self._to_find)
        return Older(self._anchors[0]) if self._anchors else None

    def take(self, page: Page) -> bool:
        """Go on behind a page; say whether it has what was not read.

        An empty one may only say that the message is gone from which it was asked.
        """
        anchor = self._anchors.pop(0)
        older = [each for each in page.ids if self._lowest is None or each < self._lowest]
        if not older:
            if page.ids or anchor is None:
                self._end()
            return False
        self.read += len(older)
        self._lowest = older[0]
        self._note(page.oldest)
        if not page.more:
            self._end()
        elif self.oldest is not None and self.oldest < self._target:
            self._anchors = []
        elif not self._skip():
            self._anchors = [*page.ids[:_TRIES]]
        return True

    def found(self, ids: Sequence[int]) -> None:
        """Go on behind the oldest of what was read before."""
        self._to_find = None
        self._anchors = [*ids[:_TRIES]] or [self._lowest]
        self._lowest = self._anchors[0]

    def _skip(self) -> bool:
        """Pass over what was read before, if that is what comes next."""
        if self.read < self._window or self.oldest is None:
            return False
        for readings in self._before:
            begin = _ALWAYS if readings.since is None else readings.since
            if begin < self.oldest < readings.until:
                self._anchors = []
                self.oldest = begin
                if readings.since is None:
                    self.at_beginning = True
                elif begin >= self._target:
                    self._to_find = begin
                return True
        return False

    def _note(self, oldest: Instant | None) -> None:
        if oldest is not None:
            self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)

    def _end(self) -> None:
        self._anchors = []
        self.at_beginning = self.saw_beginning = True
