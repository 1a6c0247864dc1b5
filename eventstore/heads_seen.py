"""The newest positions that a server has seen, on its own disk: a log that has less lost events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eventstore.errors import LogBehind


@dataclass
class HeadsSeen:
    """A small file beside the spool, by portal. It only ever grows."""

    path: Path
    _seen: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        try:
            kept = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            kept = {}
        self._seen = {int(portal_id): int(position) for portal_id, position in kept.items()}

    def check(self, heads: Mapping[int, int]) -> None:
        """Raise LogBehind when the log has less than this server has seen."""
        for portal_id, seen in sorted(self._seen.items()):
            if heads.get(portal_id, 0) < seen:
                raise LogBehind(
                    f"this server has seen position {seen} of portal {portal_id}, the log ends at"
                    f" {heads.get(portal_id, 0)}: it was restored to an earlier point, or lost, or"
                    f" is another one. If that is the best log there is, remove {self.path} and"
                    " run `chronicle rebuild`"
                )

    def note(self, heads: Mapping[int, int]) -> None:
        """Remember these positions, where they are newer."""
        grown = {
            portal_id: head
            for portal_id, head in heads.items()
            if head > self._seen.get(portal_id, 0)
        }
        if not grown:
            return
        self._seen |= grown
        # What a power loss takes from it is a warning less, never an event.
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self._seen))
        part.replace(self.path)
