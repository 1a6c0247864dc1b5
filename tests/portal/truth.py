"""What truly is in the portal, and what was: every message, text, reaction and stay.

Nothing here depends on who is told. A deed is done, or raises `Impossible`; whoever listens hears
a `Happening` of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.portal.clock import Clock
from tests.portal.payloads import BOTS, USERS, Happening

Interval = list[int | None]
"""Since when, and until when; None while it lasts, or if it began before anybody watched."""

FIRST_MESSAGE: Final = 190_400
FIRST_CHAT: Final = 2_201


class Impossible(Exception):
    """What was to be done cannot be done in this portal, as it is now."""


@dataclass
class Message:
    """What a message has truly been."""

    id: int
    chat_id: int
    author: int
    posted_at: int
    texts: list[tuple[int, str]]
    mentions: bool = False
    deleted_at: int | None = None
    reactions: dict[tuple[int, str], list[Interval]] = field(default_factory=dict)
    deletion: Literal["soft", "full"] | None = None
    code: str | None = None

    @property
    def text(self) -> str:
        return self.texts[-1][1]

    @property
    def shown(self) -> list[tuple[int, str]]:
        """The texts, neighbours that are equal as one."""
        return [
            each
            for before, each in zip([(0, ""), *self.texts], self.texts, strict=False)
            if before[1] != each[1]
        ]

    def holders(self, code: str) -> list[int]:
        """Give the users who hold a reaction now."""
        return [
            user
            for (user, held), stays in self.reactions.items()
            if held == code and stays[-1][1] is None
        ]


@dataclass
class Chat:
    """A chat, who was in it and when, and what it was called."""

    id: int
    owner: int
    titles: list[tuple[int, str]]
    pair: tuple[int, int] | None = None
    stays: dict[int, list[Interval]] = field(default_factory=dict)
    messages: list[int] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.titles[-1][1]

    @property
    def members(self) -> list[int]:
        """Who is in it now."""
        return [user for user, stays in self.stays.items() if stays[-1][1] is None]

    def has(self, user: int) -> bool:
        """Whether somebody is in it now."""
        stays = self.stays.get(user)
        return stays is not None and stays[-1][1] is None

    def dialog(self, reader: int) -> str:
        """Name it as this reader does: a private chat by the other one (reference, 3.5)."""
        return dialog_id(self.id, self.pair, reader)


def dialog_id(chat_id: int, pair: tuple[int, int] | None, reader: int) -> str:
    """Give the `dialogId` that a reader has for a chat."""
    if pair is None:
        return f"chat{chat_id}"
    return str(pair[0] if reader == pair[1] else pair[1])


class World:
    """The portal's truth. Its clock is the portal's; seconds are whole in all that it tells."""

    def __init__(
        self, clock: Clock, *, first_message: int = FIRST_MESSAGE, first_chat: int = FIRST_CHAT
    ) -> None:
        self.users: dict[int, str] = dict(USERS)
        self.bots: set[int] = set(BOTS)
        self.chats: dict[int, Chat] = {}
        self.messages: dict[int, Message] = {}
        self.listeners: list[Callable[[Happening], None]] = []
        self._clock = clock
        self._next_message = first_message
        self._next_chat = first_chat

    def open_chat(self, title: str, members: Iterable[int]) -> Chat:
        """Begin a group chat. Nobody is told: its members were there before anybody watched."""
        members = list(members)
        chat = Chat(self._next_chat, members[0], [(self._now, title)])
        chat.stays = {user: [[None, None]] for user in members}
        return self._keep(chat)

    def open_private(self, one: int, other: int) -> Chat:
        """Begin a private chat of two; nobody is told."""
        chat = Chat(self._next_chat, one, [(self._now, "")], pair=(one, other))
        chat.stays = {one: [[None, None]], other: [[None, None]]}
        return self._keep(chat)

    def post(self, chat_id: int, author: int, text: str) -> Message:
        """Write a message."""
        chat = self._chat_with(chat_id, author)
        return self._post(chat, author, text, code=None)

    def edit(self, message_id: int, text: str, *, over_rest: bool = False) -> None:
        """Let the author write another text instead; over REST it may be heard of by nobody."""
        message = self._living(message_id)
        self._chat_with(message.chat_id, message.author)
        message.texts.append((self._now, text))
        self._tell(self._about("edited", message, message.author)._replace(over_rest=over_rest))

    def delete(self, message_id: int, *, complete: bool = False) -> None:
        """Delete a message: it leaves a notice, or nothing at all when it is complete."""
        message = self._living(message_id)
        message.deleted_at = self._now
        message.deletion = "full" if complete else "soft"
        self._tell(self._about("deleted", message, message.author))

    def react(self, message_id: int, user: int, code: str) -> None:
        """Set a reaction, or take back the one that is set."""
        message = self._living(message_id)
        self._chat_with(message.chat_id, user)
        held = message.reactions.setdefault((user, code), [])
        adds = not held or held[-1][1] is not None
        if adds:
            held.append([self._now, None])
        else:
            held[-1][1] = self._now
        said = self._about("reacted", message, user)
        self._tell(said._replace(code=code, action="add" if adds else "delete"))

    def join(self, chat_id: int, user: int, by: int) -> None:
        """Put somebody into a chat."""
        chat = self._chat_with(chat_id, by)
        if chat.pair is not None or chat.has(user):
            raise Impossible
        chat.stays.setdefault(user, []).append([self._now, None])
        self._tell(
            Happening("joined", self._now, chat.id, chat.title, user, by=by, owner=chat.owner)
        )
        text = f"{self._mention(by)} invited {self._mention(user)} to the chat"
        self._post(chat, 0, text, code="CHAT_JOIN")

    def leave(self, chat_id: int, user: int) -> None:
        """Let somebody leave a chat; those who stay are told by a system message."""
        chat = self._chat_with(chat_id, user)
        if chat.pair is not None or len(chat.members) == 1:
            raise Impossible
        chat.stays[user][-1][1] = self._now
        self._post(chat, 0, f"{self._mention(user)} left the chat", code="CHAT_LEAVE")

    def remove(self, chat_id: int, user: int, by: int) -> None:
        """Let somebody put somebody else out of a chat; that one hears nothing of it."""
        chat = self._chat_with(chat_id, by)
        if chat.pair is not None or user == by or not chat.has(user):
            raise Impossible
        chat.stays[user][-1][1] = self._now
        text = f"{self._mention(by)} removed {self._mention(user)} from the chat"
        self._post(chat, 0, text, code="CHAT_LEAVE")

    def rename(self, chat_id: int, title: str) -> None:
        """Call a chat otherwise. There is no event of it (reference, 1.1)."""
        self.chats[chat_id].titles.append((self._now, title))

    @property
    def _now(self) -> int:
        return int(self._clock.now)

    def _keep(self, chat: Chat) -> Chat:
        self._next_chat += 1
        self.chats[chat.id] = chat
        return chat

    def _chat_with(self, chat_id: int, user: int) -> Chat:
        chat = self.chats.get(chat_id)
        if chat is None or not chat.has(user):
            raise Impossible
        return chat

    def _living(self, message_id: int) -> Message:
        message = self.messages.get(message_id)
        if message is None or message.deletion is not None or not message.author:
            raise Impossible
        return message

    def _mention(self, user: int) -> str:
        return f"[USER={user} REPLACE]{self.users[user]}[/USER]"

    def _post(self, chat: Chat, author: int, text: str, *, code: str | None) -> Message:
        message = Message(self._next_message, chat.id, author, self._now, [(self._now, text)])
        message.code = code
        self._next_message += 1
        self.messages[message.id] = message
        chat.messages.append(message.id)
        self._tell(self._about("posted", message, author)._replace(code=code))
        return message

    def _about(self, kind: str, message: Message, user: int) -> Happening:
        chat = self.chats[message.chat_id]
        return Happening(
            kind,
            self._now,
            chat.id,
            chat.title,
            user,
            message.id,
            message.author,
            message.posted_at,
            message.text,
            owner=chat.owner,
            pair=chat.pair,
        )

    def _tell(self, said: Happening) -> None:
        for listener in self.listeners:
            listener(said)
