"""When each token was last shown: told at once, written now and then."""

from dataclasses import dataclass, field
from typing import Final

from eventstore.event import Instant

_PACE: Final = 60_000_000
"""Microseconds from one writing of a token's last use to the next."""


@dataclass
class TokenUses:
    """The last uses of tokens that this process has seen, by the tokens' ids."""

    _used: dict[str, Instant] = field(default_factory=dict)
    _written: dict[str, Instant] = field(default_factory=dict)

    def note(self, token_id: str, at: Instant) -> None:
        """Take down that a token was shown."""
        self._used[token_id] = at

    def due(self, now: Instant) -> dict[str, Instant]:
        """Return what is to be written now: of each token at most one a minute."""
        return {
            token_id: at
            for token_id, at in self._used.items()
            if now - self._written.get(token_id, 0) >= _PACE
        }

    def written(self, uses: dict[str, Instant], now: Instant) -> None:
        """Take down that these were written."""
        for token_id, at in uses.items():
            self._written[token_id] = now
            if self._used.get(token_id) == at:
                del self._used[token_id]
