"""A portal that knows the truth, and witnesses that tell of it late, twice, in part or not."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from tests.portal.payloads import (
    BOT_QUEUE,
    LEDGER,
    USER_QUEUE,
    USERS,
    Happening,
    form,
    item,
    legacy_webhook,
    v2_webhook,
)
from tests.portal.truth import Message

CHATS: Final = (2201, 2202)
PEOPLE: Final = (41, 58, 63, LEDGER)
REACTIONS: Final = ("like", "fire")
START: Final = 1_789_370_100
_GAPS: Final = (0, 0, 1, 3, 10, 30, 30, 100, 300, 7_200, 100_000)
"""Seconds between two things that happen: within one second, within the window, days apart."""
_QUIET: Final = 600
_DELAYS: Final = (0, 0, 1, 5, 50)


class Delivery(NamedTuple):
    """One body, as it comes: to the hooks, or from a queue."""

    body: bytes
    receiver: str
    webhook: bool


class Portal:
    """Lives a short life, and lets its witnesses tell of it.

    Everything is chosen by `random`, so that a history can be had again, and made smaller.
    """

    def __init__(self, random: Random) -> None:
        self.messages: list[Message] = []
        self.stays: dict[tuple[int, int], list[list[int | None]]] = {}
        self.titles: dict[int, list[str]] = {chat: [f"Chat {chat}"] for chat in CHATS}
        self.told: set[tuple[int, str]] = set()
        self.deliveries: list[Delivery] = []
        self._random = random
        self._now = START
        self._event_id = 700_000
        self._deaf = {witness: random.choice((0, 3, 7)) for witness in ("legacy", "v2")}

    def live(self, steps: int) -> "Portal":
        """Let this many things happen."""
        deeds: list[Callable[[], None]] = [
            self._post,
            *[self._edit] * 6,
            self._delete,
            *[self._react] * 2,
            self._join_or_leave,
            self._rename,
        ]
        for _ in range(steps):
            self._now += self._random.choice(_GAPS)
            self._random.choice(deeds)()
        return self

    def _post(self) -> None:
        chat_id = self._random.choice(CHATS)
        present = [user for user in PEOPLE if self._is_in(chat_id, user)]
        if not present:
            return
        author = self._random.choice(present)
        message = Message(
            190_400 + len(self.messages), chat_id, author, self._now, [], self._chance(50)
        )
        message.texts.append((self._now, self._words(message)))
        self.messages.append(message)
        self._tell(self._about("posted", message, author))

    def _edit(self) -> None:
        message = self._any_message()
        # only its author edits a message (reference, section 3.3), and only in the chat
        if message is None or not self._is_in(message.chat_id, message.author):
            return
        text = self._words(message)
        if text == message.text:
            return
        message.texts.append((self._now, text))
        self._tell(self._about("edited", message, message.author))

    def _delete(self) -> None:
        message = self._any_message()
        if message is None or not self._chance(50):
            return
        message.deleted_at = self._now
        self._tell(self._about("deleted", message, message.author))

    def _react(self) -> None:
        message = self._any_message()
        if message is None:
            return
        user, code = self._random.choice(PEOPLE), self._random.choice(REACTIONS)
        if not self._is_in(message.chat_id, user):
            return
        held = message.reactions.setdefault((user, code), [])
        adds = not held or held[-1][1] is not None
        if adds:
            held.append([self._now, None])
        else:
            held[-1][1] = self._now
        said = self._about("reacted", message, user)
        self._tell(said._replace(code=code, action="add" if adds else "delete"))

    def _join_or_leave(self) -> None:
        chat_id, user = self._random.choice(CHATS), self._random.choice((41, 63))
        stays = self.stays.setdefault((chat_id, user), [])
        title = self.titles[chat_id][-1]
        if not stays or stays[-1][1] is not None:
            stays.append([self._now, None])
            self._tell(Happening("joined", self._now, chat_id, title, user))
            return
        stays[-1][1] = self._now
        text = f"[USER={user} REPLACE]{USERS[user]}[/USER] left the chat"
        message = Message(
            190_400 + len(self.messages), chat_id, 0, self._now, [(self._now, text)], mentions=False
        )
        self.messages.append(message)
        self._tell(self._about("posted", message, 0)._replace(code="CHAT_LEAVE"))

    def _rename(self) -> None:
        # A title is known only from what it rides on, and a late webhook tells of an old one.
        titles = self.titles[self._random.choice(CHATS)]
        titles.append(f"{titles[0]}, renamed {len(titles)} times")
        self._now += _QUIET

    def _is_in(self, chat_id: int, user: int) -> bool:
        """Whether somebody is in a chat: 58 and the bot always are, others after they joined."""
        stays = self.stays.get((chat_id, user))
        return user in (58, LEDGER) or (stays is not None and stays[-1][1] is None)

    def _any_message(self) -> Message | None:
        alive = [m for m in self.messages if m.deleted_at is None and m.author]
        # mostly the last ones: what is told of one message is what witnesses can mix up
        return self._random.choice(alive[-2:] if self._chance(80) else alive) if alive else None

    def _words(self, message: Message) -> str:
        mention = "[USER=912]Archivist[/USER], " if message.mentions else ""
        return f"{mention}plan {self._random.choice('AABBC')}\nfor {message.id}"

    def _chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def _about(self, kind: str, message: Message, user: int) -> Happening:
        title = self.titles[message.chat_id][-1]
        return Happening(
            kind,
            self._now,
            message.chat_id,
            title,
            user,
            message.id,
            message.author,
            message.posted_at,
            message.text,
        )

    def _tell(self, said: Happening) -> None:
        self.told.add((said.chat_id, said.title))
        self._queue(said)
        if said.kind in ("posted", "edited", "deleted") and said.author:
            self._hook("legacy", legacy_webhook, said)
            self._hook("v2", v2_webhook, said)

    def _queue(self, said: Happening) -> None:
        """Write a row for each receiver, of which one at least sees it; all share one clock."""
        queues = [USER_QUEUE]
        if said.kind in ("posted", "edited", "deleted") or (
            said.kind == "reacted" and said.author == LEDGER
        ):
            queues = self._random.choice(
                ([USER_QUEUE], [BOT_QUEUE], [USER_QUEUE, BOT_QUEUE], [BOT_QUEUE, USER_QUEUE])
            )
        for place, queue in enumerate(queues):
            if place:
                self._now += self._random.choice((0, 0, 1))
            self._event_id += self._random.choice((1, 1, 4))
            sent = item(said, queue, self._event_id, self._now)
            self._deliver(json.dumps(sent).encode(), queue, webhook=False)

    def _hook(
        self, witness: str, tell: Callable[[Happening, int], dict[str, Any]], said: Happening
    ) -> None:
        if self._random.randrange(10) < self._deaf[witness]:
            return
        tree = tell(said, said.at + self._random.choice(_DELAYS))
        body = form(tree) if self._chance(50) else json.dumps(tree).encode()
        self._deliver(body, "app", webhook=True)

    def _deliver(self, body: bytes, receiver: str, *, webhook: bool) -> None:
        times = self._random.choice((1, 1, 1, 2, 3))
        self.deliveries += [Delivery(body, receiver, webhook)] * times
