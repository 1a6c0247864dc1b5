"""The portal's clock: it stands still until a test moves it, or goes on with the real one."""

import time
from datetime import datetime, timedelta, timezone
from typing import Final

ZONE: Final = timezone(timedelta(hours=3))
"""Where the portal is: what it says of times is in this zone."""

START: Final = 1_789_370_100.0
"""When a history begins, if nobody says otherwise: the moment of the samples."""


class Clock:
    """Seconds since 1970, as the portal sees them."""

    def __init__(self, at: float = START, *, running: bool = False) -> None:
        self._at = at
        self._began = time.monotonic() if running else None

    @property
    def now(self) -> float:
        """What time it is."""
        return self._at if self._began is None else self._at + time.monotonic() - self._began

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._at += seconds


def spelled(at: float) -> str:
    """Spell a moment as Bitrix24 does: whole seconds, with the portal's offset."""
    return datetime.fromtimestamp(int(at), ZONE).isoformat()


def local(at: float) -> str:
    """Spell a moment as people there read it, without its zone."""
    return datetime.fromtimestamp(int(at), ZONE).strftime("%m/%d/%Y %H:%M:%S")
