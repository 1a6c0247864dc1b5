"""Bots of v2 that the portal knows: what they are, whose, and how they are told."""

from typing import Literal, NamedTuple


class Bot(NamedTuple):
    """A bot; a `supervisor` sees all of its chats, a `bot` what mentions it, and its dialogs."""

    id: int
    token: str
    type: Literal["bot", "supervisor", "personal"] = "supervisor"
    event_mode: Literal["fetch", "webhook"] = "fetch"
    application: str | None = None

    @property
    def receiver(self) -> str:
        """How its queue is called."""
        return f"bot:{self.id}"

    @property
    def reads_history(self) -> bool:
        """Whether it may read messages that are not its own."""
        return self.type != "bot"
