"""The page of a transcript, from its templates: whatever stands in a template's value is text."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from projections.export.transcript.clock import Clock
from projections.export.transcript.shapes import (
    BASES,
    CAUSES,
    Head,
    Hole,
    Member,
    Message,
    Who,
)

_FOLDER: Final = Path(__file__).parent
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {"BASES": BASES, "CAUSES": CAUSES}


@lru_cache
def looks() -> str:
    """Return what stands for how pages look: an export is not gone on with in another way."""
    digest = sha256()
    for path in sorted(_FOLDER.glob("*.[hc][ts]*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Page:
    """Spells the parts of one page."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def head(self, head: Head, owner: Who | None) -> str:
        """Spell what comes before the members."""
        return self._spelled("head.html", head=head, owner=owner)

    def members(self, members: Sequence[Member]) -> str:
        """Spell some members."""
        return self._spelled("members.html", members=members)

    def between(self) -> str:
        """Spell what comes between the members and the messages."""
        return self._spelled("between.html")

    def messages(self, messages: Sequence[Message]) -> str:
        """Spell some messages."""
        return self._spelled("messages.html", messages=messages)

    def end(self, count: int, holes: Sequence[Hole]) -> str:
        """Spell what comes behind the last message: how many there were, and what came after."""
        return self._spelled("end.html", count=count, holes=holes)

    def _spelled(self, name: str, **values: object) -> str:
        return _TEMPLATES.get_template(name).render(clock=self._clock, **values)
