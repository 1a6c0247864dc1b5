"""A simulated portal: what happens in it, and who reports that."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count as numbers
from random import Random
from typing import Final

from scripts.bench.envelope import Tree
from scripts.bench.happenings import Chat, Happening, Message, Person
from scripts.bench.wire_legacy import legacy_webhook
from scripts.bench.wire_v2 import bot_item, user_item, v2_webhook

_CHATS: Final = 200
_PRIVATE: Final = 20
_USERS: Final = 500
_BOTS: Final = 20
_BEGINNING: Final = 1_789_370_000
_RECENT: Final = 300
"""Messages that may still be edited, deleted or reacted to."""

_LONGEST: Final = 30
"""Words of a text."""

_SECOND_WITNESS: Final = 0.39
"""Chance of a second witness where there may be one: a third of all happenings have two."""

_WORDS: Final = (
    *("release", "plan", "today", "customer", "invoice", "server", "meeting", "please", "check"),
    *("review", "ticket", "deploy", "budget", "draft", "contract", "approved", "waiting", "the"),
    *("report", "update", "version", "build", "branch", "staging", "production", "failed", "and"),
    *("договор", "завтра", "готово", "спасибо", "👍", "✅", "09:30", "https://example.com/tasks"),
)
_FIRST: Final = ("Priya", "Hanna", "Tomás", "Jonas", "Amara", "Wei", "Olga", "Luca", "Sofia")
_LAST: Final = ("Nair", "Lind", "Vidal", "Berg", "Okafor", "Chen", "Petrova", "Rossi", "Costa")
_POSITIONS: Final = ("Release manager", "QA engineer", "Accountant", "Sales", "Support", "")
_REACTIONS: Final = ("like", "redHeart", "laugh", "fire", "facepalm", "whiteHeavyCheckMark")
_COMMANDS: Final = ("plan", "status", "export")

Report = Callable[[Happening, int, int], Tree]
"""How one kind of witness reports a happening: with which eventId, at what time."""


_DEEDS: Final = {
    "post": 6200,
    "edit": 1400,
    "react": 1300,
    "delete": 300,
    "join": 250,
    "leave": 100,
    "command": 300,
    "context": 100,
    "unregister": 1,
}
"""What people do, and how often of 9,951 times."""


class Portal:
    """A simulated portal. What happens in it depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - the same again is what we want
        self._users = [self._person(number) for number in range(1, _USERS + 1)]
        bots = [Person(9000 + number, f"Bot {number}", "", bot=True) for number in range(_BOTS)]
        self._chats = [self._chat(number, bots) for number in range(_CHATS)]
        self._message_ids = numbers(190_001)
        self._recent: deque[Message] = deque(maxlen=_RECENT)
        self._reacted: deque[Happening] = deque(maxlen=_RECENT)
        self._now = _BEGINNING

    def deliveries(self) -> Iterator[Tree]:
        """All that witnesses report, in the order of its arrival, for ever."""
        event_ids = numbers(1)
        under_way: list[tuple[float, int, Tree]] = []
        for happening in self._happenings():
            for report in self._witnesses(happening):
                at = happening.at + self._random.randrange(3)
                number = next(event_ids)
                arrival = at + 4 * self._random.random()
                heapq.heappush(under_way, (arrival, number, report(happening, number, at)))
            while under_way and under_way[0][0] <= self._now:
                yield heapq.heappop(under_way)[2]

    def _happenings(self) -> Iterator[Happening]:
        deeds, weights = list(_DEEDS), list(_DEEDS.values())
        while True:
            for deed in self._random.choices(deeds, weights, k=1000):
                # No second has two happenings, so that no two webhooks are the same.
                self._now += self._random.randint(1, 3)
                happening: Happening | None = getattr(self, f"_{deed}")()
                if happening is not None:
                    yield happening

    def _witnesses(self, seen: Happening) -> list[Report]:
        able = _WITNESSES[seen.what]
        if seen.what == "REACTION" and seen.message is not None and not seen.message.author.bot:
            able = able[:1]  # a bot sees reactions on its own messages only (reference, trap 42)
        if seen.what == "JOIN":
            able = able[1:] if seen.who.bot else able[:1]
        if seen.message is not None and seen.message.left is not None:
            able = able[:1]
        both = len(able) > 1 and seen.what != "JOIN" and self._random.random() < _SECOND_WITNESS
        return self._random.sample(able, 2 if both else 1)

    def _person(self, number: int) -> Person:
        name = f"{self._random.choice(_FIRST)} {self._random.choice(_LAST)}"
        return Person(number, name, self._random.choice(_POSITIONS))

    def _chat(self, number: int, bots: list[Person]) -> Chat:
        private = number < _PRIVATE
        third = len(bots) // 3
        return Chat(
            id=2000 + number,
            title="" if private else self._text(4),
            owner=self._random.choice(self._users).id,
            private=private,
            legacy_bot=bots[number % third],
            queue_bot=bots[third + number % third],
            webhook_bot=bots[2 * third + number % third],
        )

    def _text(self, most: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randint(2, most)))

    def _written(self, *, opening: str = "") -> Message:
        # Few chats are busy and most are quiet.
        chat = self._chats[int(_CHATS * self._random.random() ** 3)]
        by_bot = self._random.random() < 0.15  # noqa: PLR2004 - a share
        someone = self._users[chat.owner - 1] if chat.private else self._random.choice(self._users)
        author = chat.queue_bot if by_bot else someone
        text = opening + self._text(_LONGEST)
        if not by_bot and not chat.private and not opening and self._random.random() < 0.2:  # noqa: PLR2004
            text = f"[USER={chat.legacy_bot.id}]{chat.legacy_bot.name}[/USER], {text}"
        return Message(next(self._message_ids), chat, author, self._now, text)

    def _post(self) -> Happening:
        message = self._written()
        self._recent.append(message)
        return Happening("ADD", self._now, message.chat, message.author, message)

    def _edit(self) -> Happening | None:
        if not self._recent:
            return None
        index = self._random.randrange(len(self._recent))
        old = self._recent[index]
        edits = old.edits + 1
        new = old._replace(text=f"{self._text(_LONGEST)} (v{edits + 1})", edits=edits)
        self._recent[index] = new
        return Happening("UPDATE", self._now, new.chat, new.author, new)

    def _react(self) -> Happening | None:
        if self._reacted and self._random.random() < 0.2:  # noqa: PLR2004 - a share
            added = self._reacted.popleft()
            return added._replace(at=self._now, undone=True)
        if not self._recent:
            return None
        message = self._random.choice(self._recent)
        who, code = self._random.choice(self._users), self._random.choice(_REACTIONS)
        added = Happening("REACTION", self._now, message.chat, who, message, code)
        self._reacted.append(added)
        return added

    def _delete(self) -> Happening | None:
        if not self._recent:
            return None
        index = self._random.randrange(len(self._recent))
        message = self._recent[index]
        del self._recent[index]
        return Happening("DELETE", self._now, message.chat, message.author, message)

    def _join(self) -> Happening:
        chat, who = self._random.choice(self._chats), self._random.choice(self._users)
        bot = self._random.random() < 0.3  # noqa: PLR2004 - a share
        return Happening("JOIN", self._now, chat, chat.queue_bot if bot else who)

    def _leave(self) -> Happening:
        chat, who = self._random.choice(self._chats), self._random.choice(self._users)
        text = f"[USER={who.id} REPLACE]{who.name}[/USER] left the chat"
        message = Message(next(self._message_ids), chat, who, self._now, text, left=who)
        return Happening("ADD", self._now, chat, who, message)

    def _command(self) -> Happening:
        code = self._random.choice(_COMMANDS)
        message = self._written(opening=f"/{code} csv ")
        return Happening("COMMAND", self._now, message.chat, message.author, message, code)

    def _context(self) -> Happening:
        chat, who = self._chats[self._random.randrange(_PRIVATE)], self._random.choice(self._users)
        return Happening("CONTEXT", self._now, chat, who)

    def _unregister(self) -> Happening:
        chat = self._random.choice(self._chats)
        trial = Person(9900, "Trial", "", bot=True)
        chat = chat._replace(legacy_bot=trial, queue_bot=trial, webhook_bot=trial)
        return Happening("UNREGISTERED", self._now, chat, self._random.choice(self._users))


_ALL: Final[tuple[Report, ...]] = (user_item, bot_item, v2_webhook, legacy_webhook)
_WITNESSES: Final[dict[str, tuple[Report, ...]]] = {
    "ADD": _ALL,
    "UPDATE": _ALL,
    "DELETE": _ALL,
    "REACTION": (user_item, bot_item),
    "JOIN": _ALL,
    "COMMAND": (bot_item, v2_webhook, legacy_webhook),
    "CONTEXT": (bot_item, v2_webhook),
    "UNREGISTERED": (bot_item, v2_webhook, legacy_webhook),
}
