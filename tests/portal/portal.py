"""The whole portal: a world, its queues, and the door to both."""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple

from tests.portal.asked import Caller, Params
from tests.portal.bots import Bot
from tests.portal.clock import Clock, spelled
from tests.portal.errors import NetworkCut, PortalError
from tests.portal.history import History
from tests.portal.limits import Limits
from tests.portal.oauth import OAuth
from tests.portal.payloads import Happening, item
from tests.portal.queues import FIRST_ID, Queues
from tests.portal.rest import Rest
from tests.portal.switches import Switches
from tests.portal.truth import FIRST_CHAT, FIRST_MESSAGE, World

FOREIGN: Final = "somebody else"
"""The reader who takes what was meant for us."""


class Webhook(NamedTuple):
    """An inbound webhook: it stands in the path of its calls, `/rest/58/CODE/…`."""

    user: int
    code: str

    @property
    def path(self) -> str:
        """Where its methods are."""
        return f"/rest/{self.user}/{self.code}/"


class AccessToken(NamedTuple):
    """What an application shows for a user."""

    token: str


Credentials = Webhook | AccessToken


class Beginnings(NamedTuple):
    """The first ids that a portal gives. No portal gives one twice, so a second one has others."""

    message: int = FIRST_MESSAGE
    chat: int = FIRST_CHAT
    event: int = FIRST_ID

    @classmethod
    def at(cls, seconds: float) -> "Beginnings":
        """Give those of a portal that began at a moment: larger than all of one before."""
        first = int(seconds - _LONG_AGO) * 100
        return cls(message=first, chat=first, event=first)


BEGINNINGS: Final = Beginnings()
_LONG_AGO: Final = 1_700_000_000


class Portal:
    """A Bitrix24 that knows the truth. What chance decides is decided by the seed."""

    def __init__(
        self, *, seed: int = 0, clock: Clock | None = None, beginnings: Beginnings = BEGINNINGS
    ) -> None:
        self.clock = clock or Clock()
        self.switches = Switches()
        self.world = World(self.clock, first_message=beginnings.message, first_chat=beginnings.chat)
        random = Random(seed)  # noqa: S311 - the same again is what we want
        self.queues = Queues(self.clock, random, self.switches, first_id=beginnings.event)
        self.limits = Limits(self.clock)
        self.oauth = OAuth(self.clock)
        self.calls: list[str] = []
        """The methods that were called, in order, the refused ones too."""
        self.on_call: Callable[[str, Mapping[str, Any]], None] = _let_pass
        """Hears of every call before it does anything; what it raises ends the call."""
        self._webhooks: set[Webhook] = set()
        self._rest = Rest(
            self.queues, History(self.world, self.clock, self.switches), self.switches
        )
        self.world.listeners.append(self._queue)

    @property
    def bots(self) -> Mapping[int, Bot]:
        """The bots of v2 that are registered."""
        return self._rest.bots

    def add_webhook(self, user: int) -> Webhook:
        """Give a user an inbound webhook."""
        made = Webhook(user, f"fakecode{user}n{len(self._webhooks)}")
        self._webhooks.add(made)
        return made

    def revoke_webhook(self, webhook: Webhook) -> None:
        """Take it away again: from now on nobody knows it."""
        self._webhooks.discard(webhook)

    def add_bot(self, bot: Bot) -> Bot:
        """Register a bot, or change one."""
        self._rest.bots[bot.id] = bot
        self.world.bots.add(bot.id)
        self.world.users.setdefault(bot.id, f"Bot {bot.id}")
        return bot

    def steal(self, receiver: str) -> int:
        """Let another application read all that waits in a queue, and delete it: how many."""
        page = self.queues.read([receiver], FOREIGN, offset=None, limit=10**9)
        if page.items:
            beyond = page.items[-1]["eventId"] + 1
            self.queues.read([receiver], FOREIGN, offset=beyond, limit=1)
        return len(page.items)

    async def call(
        self, credentials: Credentials, method: str, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer a call with its whole body.

        Raises PortalError for a refusal, NetworkCut when the network is lost.
        """
        return self.answer(credentials, method, params or {})

    def answer(
        self, credentials: Credentials, method: str, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The same without waiting."""
        if self.switches.network == "cut_before":
            raise NetworkCut
        self.on_call(method, params)
        self.calls.append(method)
        caller = self._caller(credentials)
        source = caller.application or caller.reader
        self.limits.pass_or_refuse(source, method.lower())
        reply = self._rest.answer(caller, method, Params(params))
        if self.switches.network == "cut_after":
            raise NetworkCut
        body = {"result": reply.result, "time": self._times(source, method.lower())}
        if reply.total is not None:
            body["total"] = reply.total
        if reply.next is not None:
            body["next"] = reply.next
        return body

    def _caller(self, credentials: Credentials) -> Caller:
        if isinstance(credentials, AccessToken):
            application, user = self.oauth.user_of(credentials.token)
            return Caller(user, f"{application.client_id}/{user}", application.client_id)
        if credentials not in self._webhooks:
            raise PortalError(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        return Caller(credentials.user, credentials.code, None)

    def _times(self, source: str, method: str) -> dict[str, Any]:
        now = self.clock.now
        operating, reset_at = self.limits.operating(source, method)
        return {
            "start": now,
            "finish": now,
            "duration": 0.0,
            "processing": 0.0,
            "date_start": spelled(now),
            "date_finish": spelled(now),
            "operating_reset_at": int(reset_at),
            "operating": operating,
        }

    def _queue(self, said: Happening) -> None:
        """Write a row for every receiver who sees it."""
        chat = self.world.chats[said.chat_id]
        hidden = said.over_rest and not self.switches.rest_edits_queued
        system = said.kind == "posted" and said.author == 0
        if system and not self.switches.system_messages_queued:
            return
        receivers = [
            f"user:{user}"
            for user in sorted(self.queues.subscribed)
            if chat.has(user) and not hidden
        ]
        receivers += [
            bot.receiver
            for bot in self.bots.values()
            if bot.event_mode == "fetch" and chat.has(bot.id) and self._hears(bot, said)
        ]
        for receiver in receivers:
            self.queues.write(receiver, partial(_item, said, receiver, names=self.world.users))

    def _hears(self, bot: Bot, said: Happening) -> bool:
        """Say whether a bot's queue tells of it (reference, section 1.1)."""
        if said.kind == "joined":
            return said.user == bot.id
        if said.kind == "reacted":
            return said.author == bot.id
        if said.author == bot.id and not self.switches.own_bot_messages_queued:
            return False
        return bot.reads_history or said.pair is not None or f"[USER={bot.id}]" in said.text


def _let_pass(_method: str, _params: Mapping[str, Any]) -> None:
    pass


def _item(
    said: Happening, receiver: str, event_id: int, at: int, *, names: Mapping[int, str]
) -> dict[str, Any]:
    return item(said, receiver, event_id, at, names)
