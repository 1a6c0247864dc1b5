"""What happens in a simulated portal, whoever sees it."""

from typing import Literal, NamedTuple

What = Literal["ADD", "UPDATE", "DELETE", "REACTION", "JOIN", "COMMAND", "CONTEXT", "UNREGISTERED"]


class Person(NamedTuple):
    """Somebody who writes: a user, or a bot."""

    id: int
    name: str
    position: str
    bot: bool = False


class Chat(NamedTuple):
    """A chat, and the bots that sit in it, one of each kind."""

    id: int
    title: str
    owner: int
    private: bool
    legacy_bot: Person
    queue_bot: Person
    webhook_bot: Person

    @property
    def dialog_id(self) -> str:
        """The chat as a bot in it names it."""
        return str(self.owner) if self.private else f"chat{self.id}"


class Message(NamedTuple):
    """What is written, and by whom. Whoever left by a system message wrote nothing."""

    id: int
    chat: Chat
    author: Person
    at: int
    text: str
    edits: int = 0
    left: Person | None = None


class Happening(NamedTuple):
    """Something that happened once, however many saw it. `code` is a reaction or a command."""

    what: What
    at: int
    chat: Chat
    who: Person
    message: Message | None = None
    code: str = ""
    undone: bool = False
