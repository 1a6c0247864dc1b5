"""Every method that Chronicle calls: who may, and which part of the portal answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.portal.asked import Caller, Params
from tests.portal.bots import Bot
from tests.portal.errors import PortalError
from tests.portal.history import OF_BOTS, OF_USERS, History, Reply
from tests.portal.queues import LARGEST_PAGE, Queues
from tests.portal.switches import Switches


class Rest:
    """The methods of a portal."""

    def __init__(self, queues: Queues, history: History, switches: Switches) -> None:
        self.bots: dict[int, Bot] = {}
        self._queues = queues
        self._history = history
        self._switches = switches
        self._others: Mapping[str, Callable[[Caller, Params], Reply]] = {
            "im.v2.event.get": self._user_events,
            "im.v2.event.subscribe": self._subscribe,
            "im.v2.event.unsubscribe": self._unsubscribe,
            "imbot.v2.event.get": self._bot_events,
            "imbot.v2.revision.get": self._revision,
        }

    def answer(self, caller: Caller, method: str, params: Params) -> Reply:
        """Do what a method does.

        Raises PortalError.
        """
        name = method.lower()
        if name in OF_USERS:
            return OF_USERS[name](self._history, caller, params)
        if name in OF_BOTS:
            return OF_BOTS[name](self._history, self._bot(caller, params), params)
        if name in self._others:
            return self._others[name](caller, params)
        raise PortalError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")

    def _user_events(self, caller: Caller, params: Params) -> Reply:
        receivers = [f"user:{caller.user}"] if caller.user in self._queues.subscribed else []
        return self._events(caller, receivers, params)

    def _subscribe(self, caller: Caller, _params: Params) -> Reply:
        self._queues.subscribe(caller.user)
        return Reply(result=True)

    def _unsubscribe(self, caller: Caller, _params: Params) -> Reply:
        self._queues.unsubscribe(caller.user)
        return Reply(result=True)

    def _revision(self, _caller: Caller, _params: Params) -> Reply:
        return Reply({"rest": self._switches.revision, "web": 38, "mobile": 26})

    def _bot_events(self, caller: Caller, params: Params) -> Reply:
        receivers = [self._bot(caller, params).receiver]
        if params.flag("withUserEvents"):
            if caller.user not in self._queues.subscribed:
                raise PortalError(400, "USER_NOT_SUBSCRIBED", "User is not subscribed to events")
            receivers.append(f"user:{caller.user}")
        return self._events(caller, receivers, params)

    def _events(self, caller: Caller, receivers: Sequence[str], params: Params) -> Reply:
        offset = params.number("offset", "INVALID_ARG_VALUE")
        limit = params.limit("limit", 100, LARGEST_PAGE)
        page = self._queues.read(receivers, caller.reader, offset=offset, limit=limit)
        said: dict[str, Any] = {"events": page.items, "hasMore": page.full}
        last = page.items[-1]["eventId"] if page.items else None
        if self._switches.answers == "lastEventId":
            return Reply(said | {"lastEventId": last or 0})
        repeated = offset or 0 if self._switches.empty_offset == "repeated" else None
        return Reply(said | {"nextOffset": repeated if last is None else last + 1})

    def _bot(self, caller: Caller, params: Params) -> Bot:
        number = params.number("botId", "BOT_ID_REQUIRED")
        if number is None:
            raise PortalError(400, "BOT_ID_REQUIRED", "Bot id is required")
        token = params.text("botToken")
        if caller.application is None and not token:
            raise PortalError(400, "BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
        bot = self.bots.get(number)
        if bot is None:
            raise PortalError(400, "BOT_NOT_FOUND", "Bot not found")
        owned = token == bot.token or caller.application in {bot.application} - {None}
        if not owned:
            raise PortalError(403, "BOT_OWNERSHIP_ERROR", "Bot belongs to another application")
        return bot
