"""The methods that read a chat, as a user and as a v2 bot: what is asked, and what came back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from eventstore.envelope import instant_of
from eventstore.event import Instant
from eventstore.fetching.portal_client import Refused
from projections.reconcile.asking import Asking
from projections.reconcile.told import Given, Vouched, number_of
from projections.reconcile.walk import Page

_LIMIT: Final = 50
"""Messages on a page: the most that is given (reference, section 7)."""

_MEMBERS: Final = 200
"""Members that a bot is told of at most. There is no second page."""

_NOT_FOUND: Final = "MESSAGE_NOT_FOUND"


class Chat(NamedTuple):
    """A chat as the portal showed it at a moment: how many messages it has, and the newest."""

    shown: Mapping[str, Any]
    at: Instant
    messages: int | None
    newest: int | None


class Members(NamedTuple):
    """Who is in a chat. `whole`: nobody else is."""

    method: str
    at: Instant
    ids: Sequence[int]
    users: Sequence[Any]
    whole: bool


class Read(NamedTuple):
    """A page of messages: for the walk, and for the log. `limited`: the plan hides older ones."""

    page: Page
    given: Given
    vouched: Vouched | None
    limited: bool


class Methods(Protocol):
    """Reads chats as one receiver. All of it raises PortalError."""

    async def chats(self) -> list[int]:
        """Return the chats that the portal lists for this receiver; maybe none."""

    async def chat(self, chat_id: int) -> Chat:
        """Return a chat."""

    async def members(self, chat_id: int) -> Members:
        """Return who is in it."""

    async def older(self, chat_id: int, than: int | None) -> Read:
        """Return the messages right before one, or the newest."""

    async def hides_some(self, chat_id: int) -> bool:
        """Say whether the portal's plan hides older messages, as far as it tells."""


class AsUser:
    """Reads as a user."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._dialogs: dict[int, str] = {}

    async def chats(self) -> list[int]:
        found: list[int] = []
        while True:
            answer = await self._asking.call(
                "im.recent.list", {"LIMIT": _MEMBERS, "OFFSET": len(found)}
            )
            items = [each for each in _listed(answer.result, "items") if isinstance(each, dict)]
            for item in items:
                chat_id, dialog = _number(item.get("chat_id")), item.get("id")
                if chat_id:
                    found.append(chat_id)
                    self._dialogs[chat_id] = str(dialog or f"chat{chat_id}")
            if not items or not _value(answer.result, "hasMore"):
                return found

    async def chat(self, chat_id: int) -> Chat:
        answer = await self._asking.call("im.dialog.get", {"DIALOG_ID": self._dialog(chat_id)})
        return _chat(answer.result, answer.at)

    async def members(self, chat_id: int) -> Members:
        method = "im.chat.user.list"
        answer = await self._asking.call(method, {"CHAT_ID": chat_id})
        listed = answer.result if isinstance(answer.result, list) else []
        ids = [number for each in listed if (number := _number(each))]
        return Members(method, answer.at, ids, [], whole=bool(ids))

    async def older(self, chat_id: int, than: int | None) -> Read:
        method = "im.dialog.messages.get"
        asked = {"DIALOG_ID": self._dialog(chat_id), "LIMIT": _LIMIT}
        answer = await self._asking.call(
            method, asked if than is None else {**asked, "LAST_ID": than}
        )
        found = _messages(answer.result)
        given = _given(method, answer.at, found, answer.result)
        return _read(given, than, more=len(found) >= _LIMIT, result=answer.result)

    async def hides_some(self, chat_id: int) -> bool:
        try:
            answer = await self._asking.call(
                "im.dialog.messages.search",
                {"CHAT_ID": chat_id, "LIMIT": 1, "ORDER": {"ID": "ASC"}},
            )
        except Refused:
            return False  # who may not search is not told
        return _is_limited(answer.result)

    def _dialog(self, chat_id: int) -> str:
        return self._dialogs.get(chat_id, f"chat{chat_id}")


class AsBot:
    """Reads as a bot of v2: only a supervisor or a personal one may read messages."""

    def __init__(self, asking: Asking, bot_id: int) -> None:
        self._asking = asking
        self._bot_id = bot_id
        self._newest: dict[int, int | None] = {}

    async def chats(self) -> list[int]:
        return []  # no method lists them

    async def chat(self, chat_id: int) -> Chat:
        answer = await self._asking.call("imbot.v2.Chat.get", self._of(dialogId=f"chat{chat_id}"))
        chat = _chat(_value(answer.result, "chat"), answer.at)
        self._newest[chat_id] = chat.newest
        return chat

    async def members(self, chat_id: int) -> Members:
        method = "imbot.v2.Chat.User.list"
        asked = self._of(dialogId=f"chat{chat_id}", limit=_MEMBERS)
        answer = await self._asking.call(method, asked)
        users = [each for each in _listed(answer.result, "users") if isinstance(each, dict)]
        ids = [number for each in users if (number := _number(each.get("id")))]
        return Members(method, answer.at, ids, users, whole=0 < len(ids) < _MEMBERS)

    async def older(self, chat_id: int, than: int | None) -> Read:
        method = "imbot.v2.Chat.Message.getContext"
        around = self._newest.get(chat_id) if than is None else than
        nothing = Given(method, self._asking.portal_now, [], [], [])
        if around is None:
            return _read(nothing, than, more=False, result=None)
        try:
            answer = await self._asking.call(method, self._of(messageId=around, range=_LIMIT))
        except Refused as error:
            if error.code != _NOT_FOUND:
                raise
            return _read(nothing, than, more=False, result=None)
        found = [
            each for each in _messages(answer.result) if than is None or number_of(each) < than
        ]
        given = _given(method, answer.at, found, answer.result)
        # It has been found: where nothing is before it, what stands around it shows that.
        page = found or ([] if than is None else _messages(answer.result))
        read = _read(given, than, more=bool(_value(answer.result, "hasPrevPage")), result=None)
        return read._replace(page=read.page._replace(ids=sorted(map(number_of, page))))

    async def hides_some(self, chat_id: int) -> bool:  # noqa: ARG002 - as of users
        return False  # no method tells a bot

    def _of(self, **params: Any) -> dict[str, Any]:
        return {"botId": self._bot_id, **params}


def _chat(shown: Any, at: Instant) -> Chat:
    if not isinstance(shown, dict):
        return Chat({}, at, None, None)
    messages = _either(shown, "message_count", "messageCount")
    newest = _either(shown, "last_message_id", "lastMessageId")
    return Chat(shown, at, messages, newest or None)


def _either(shown: Mapping[str, Any], one: str, other: str) -> int | None:
    found = _number(shown.get(one))
    return _number(shown.get(other)) if found is None else found


def _given(method: str, at: Instant, messages: Sequence[Mapping[str, Any]], result: Any) -> Given:
    authors = {_either(each, "author_id", "authorId") for each in messages}
    users = [
        each
        for each in _listed(result, "users")
        if isinstance(each, dict) and _number(each.get("id")) in authors
    ]
    return Given(method, at, messages, users, _listed(result, "files"))


def _read(given: Given, than: int | None, *, more: bool, result: Any) -> Read:
    ids = sorted(number_of(each) for each in given.messages)
    dates = [at for each in given.messages if (at := instant_of(each.get("date"))) is not None]
    page = Page(ids, min(dates, default=None), more)
    vouched = Vouched(ids[0], ids[-1] if than is None else than - 1) if ids else None
    return Read(page, given, vouched, _is_limited(result))


def _messages(result: Any) -> list[Mapping[str, Any]]:
    listed: Iterable[Any] = _listed(result, "messages")
    return [each for each in listed if isinstance(each, dict) and _number(each.get("id"))]


def _is_limited(result: Any) -> bool:
    restrictions = _value(result, "tariffRestrictions")
    return _value(restrictions, "isHistoryLimitExceeded") in (True, "Y", "1")


def _listed(result: Any, name: str) -> list[Any]:
    found = _value(result, name)
    return found if isinstance(found, list) else []


def _value(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, dict) else None


def _number(value: Any) -> int | None:
    """Return an id or a count, which may be spelled as a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if fits else None
