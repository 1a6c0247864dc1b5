"""The names of people at the time of what they did."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from operator import itemgetter

from eventstore.event import Instant
from projections.bbcode import Mention
from projections.export.transcript.shapes import Who
from projections.read.reader import Reader


class Names:
    """What users were called, read once for each of them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._seen: dict[int, Sequence[tuple[Instant, str | None]]] = {}

    async def know(self, user_ids: Collection[int | None]) -> None:
        """Read the names of these users, those that are not known yet."""
        missing = {each for each in user_ids if each} - self._seen.keys()
        if missing:
            found = await self._reader.names_seen(missing)
            self._seen.update({each: found.get(each, ()) for each in missing})

    def who(self, user_id: int, at: Instant | None) -> Who:
        """Return a user by the name of that time; else by the first that was seen afterwards."""
        seen = self._seen.get(user_id, ())
        known = 0 if at is None else bisect_right(seen, at, key=itemgetter(0))
        name = seen[known - 1][1] if known else None
        if name is not None:
            return Who(user_id, name)
        after = next((name for _, name in seen[known:] if name is not None), None)
        return Who(user_id, after, later=after is not None)

    def mentioned(self, mention: Mention, at: Instant | None) -> str:
        """Return what a text that was written then calls somebody."""
        found = self.who(mention.user_id or 0, at)
        name = None if found.later else found.name
        return name or mention.written or f"#{mention.user_id or 'all'}"
