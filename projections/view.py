"""A view: what a reader is to know, of all that was ever told."""

from typing import Any, NamedTuple

from eventstore.event import MAX_INSTANT, Instant


class View(NamedTuple):
    """What had occurred by `time`, and was told by `position`: both inclusive."""

    position: int
    time: Instant = MAX_INSTANT

    @property
    def bounds(self) -> dict[str, Any]:
        """The parameters of a statement that sees no more than this."""
        return {"view_position": self.position, "view_time": self.time}
