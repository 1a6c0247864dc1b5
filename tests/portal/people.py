"""People who write, edit, delete, react, come and go, as a seed decides."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from tests.portal.portal import Portal
from tests.portal.truth import Chat, Impossible, Message

READER: Final = 58
"""The user whose queue is read: always in the chats of these people."""

LEDGER: Final = 931
"""The bot whose queue is read: always there, too."""

_PEOPLE: Final = (41, READER, 63, LEDGER)
_REACTIONS: Final = ("like", "fire", "redHeart")
_RECENT: Final = 30
_WORDS: Final = (
    *("release", "plan", "today", "invoice", "server", "meeting", "please", "check", "review"),
    *("deploy", "budget", "contract", "approved", "waiting", "договор", "завтра", "спасибо", "✅"),
)


class People:
    """Those who live in a portal's chats: two groups, and a private one of 41 and 58."""

    def __init__(self, portal: Portal, random: Random) -> None:
        self.portal = portal
        self._world = portal.world
        self._random = random
        self.groups = [
            self._world.open_chat(title, [41, READER, 63, LEDGER])
            for title in ("Release 4.2 war room", "Kitchen")
        ]
        self.private = self._world.open_private(41, READER)
        self._recent: list[int] = []
        self._deeds: list[Callable[[], None]] = [
            *[self.write] * 8,
            *[self.edit] * 3,
            *[self.react] * 3,
            self.delete,
            self.come_or_go,
        ]

    def do(self) -> str:
        """Do one thing that is possible; say which."""
        while True:
            deed = self._random.choice(self._deeds)
            with suppress(Impossible):
                deed()
                return deed.__name__.replace("_", " ")

    def write(self) -> None:
        """Write a message somewhere."""
        chat = self._random.choice([*self.groups, *self.groups, self.private])
        author = self._random.choice([user for user in _PEOPLE if chat.has(user)])
        message = self._world.post(chat.id, author, self._text())
        self._recent = [*self._recent[-_RECENT:], message.id]

    def edit(self) -> None:
        """Let an author say something else."""
        message = self._any()
        text = self._text()
        if text == message.text:
            raise Impossible
        self._world.edit(message.id, text)

    def delete(self) -> None:
        """Delete a message, one in four without a trace."""
        self._world.delete(self._any().id, complete=self._random.random() < 1 / 4)

    def react(self) -> None:
        """Set a reaction or take it back."""
        message = self._any()
        chat = self._world.chats[message.chat_id]
        user = self._random.choice([user for user in _PEOPLE if chat.has(user)])
        self._world.react(message.id, user, self._random.choice(_REACTIONS))

    def come_or_go(self) -> None:
        """Let 41 or 63 leave a group, or come back into it."""
        chat: Chat = self._random.choice(self.groups)
        user = self._random.choice((41, 63))
        if chat.has(user):
            self._world.leave(chat.id, user)
        else:
            self._world.join(chat.id, user, by=READER)

    def _any(self) -> Message:
        if not self._recent:
            raise Impossible
        return self._world.messages[self._random.choice(self._recent)]

    def _text(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randint(2, 8)))
