"""The methods that read history (reference, section 7), with their paging and their refusals."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tests.portal.asked import Caller, Params
from tests.portal.bots import Bot
from tests.portal.clock import Clock, spelled
from tests.portal.errors import PortalError
from tests.portal.shapes import (
    both,
    old_chat,
    old_message,
    old_users,
    text_of,
    v2_chat,
    v2_message,
    v2_users,
)
from tests.portal.switches import Switches
from tests.portal.truth import Chat, Message, World

_DAY: Final = 86_400


class Reply(NamedTuple):
    """What a method gives; lists that are paged say beside it how many there are, what is next."""

    result: Any
    total: int | None = None
    next: int | None = None


class History:
    """Reads the world for a caller, as far as the caller may see it."""

    def __init__(self, world: World, clock: Clock, switches: Switches) -> None:
        self._world = world
        self._clock = clock
        self._switches = switches

    def dialog_messages(self, caller: Caller, params: Params) -> Reply:
        """`im.dialog.messages.get`: newest first; LAST_ID goes back, FIRST_ID forward."""
        if not params.text("DIALOG_ID"):
            raise PortalError(400, "DIALOG_ID_EMPTY", "Dialog ID can't be empty")
        older = params.number("LAST_ID", "LAST_ID_STRING")
        newer = params.number("FIRST_ID", "FIRST_ID_STRING")
        limit = params.limit("LIMIT", 20, 50)
        chat = self._dialog(caller.user, params)
        there = self._messages(chat)
        if newer is not None:
            page = [each for each in there if each.id > newer][:limit]
        else:
            page = [each for each in there if older is None or each.id < older][-limit:]
        return Reply(
            {
                "chat_id": chat.id,
                "messages": [old_message(each, self._switches) for each in reversed(page)],
                "users": old_users(self._world, (each.author for each in page)),
                "files": [],
            }
        )

    def search(self, caller: Caller, params: Params) -> Reply:
        """`im.dialog.messages.search`, with what the plan hides and who reacted."""
        chat = self._chat(caller.user, params.number("CHAT_ID", "CHAT_ID_EMPTY"))
        last = params.number("LAST_ID", "LAST_ID_STRING")
        limit = params.limit("LIMIT", 50, 200)
        words = params.text("SEARCH_MESSAGE").lower()
        there = [each for each in self._messages(chat) if words in text_of(each).lower()]
        if params.order():
            page = [each for each in there if last is None or each.id > last][:limit]
        else:
            page = [each for each in there if last is None or each.id < last][-limit:][::-1]
        return Reply(
            {
                "messages": [both(each, self._switches) for each in page],
                "users": old_users(self._world, (each.author for each in page)),
                "files": [],
                "reactions": [found for each in page if (found := _reactions(each, caller.user))],
                "tariffRestrictions": {"isHistoryLimitExceeded": self._hides_some(chat)},
            }
        )

    def chat_users(self, caller: Caller, params: Params) -> Reply:
        """`im.chat.user.list`: an empty list says that one may not know."""
        chat = self._world.chats.get(params.number("CHAT_ID", "CHAT_ID_EMPTY") or 0)
        return Reply(sorted(chat.members) if chat is not None and chat.has(caller.user) else [])

    def dialog_users(self, caller: Caller, params: Params) -> Reply:
        """`im.dialog.users.list`: whole profiles, paged by LAST_ID or OFFSET."""
        members = sorted(self._dialog(caller.user, params).members)
        limit = params.limit("LIMIT", 50, 200)
        last = params.number("LAST_ID", "LAST_ID_STRING")
        begin = params.number("OFFSET", "INVALID_ARG_VALUE") or 0
        if last is not None:
            begin = sum(user <= last for user in members)
        page = members[begin : begin + limit]
        more = begin + limit if begin + limit < len(members) else None
        return Reply(old_users(self._world, page), total=len(members), next=more)

    def dialog(self, caller: Caller, params: Params) -> Reply:
        """`im.dialog.get`."""
        chat = self._dialog(caller.user, params)
        return Reply(old_chat(self._world, chat, caller.user))

    def recent(self, caller: Caller, params: Params) -> Reply:
        """`im.recent.list`: the caller's chats, those with the newest message first."""
        chats = [chat for chat in self._world.chats.values() if chat.has(caller.user)]
        chats.sort(key=lambda chat: (chat.messages[-1:], chat.id), reverse=True)
        begin = params.number("OFFSET", "INVALID_ARG_VALUE") or 0
        limit = params.limit("LIMIT", 50, 200)
        more = begin + limit < len(chats)
        items = [self._recent(chat, caller.user) for chat in chats[begin : begin + limit]]
        return Reply({"items": items, "hasMore": more, "hasMorePages": more})

    def bot_message(self, bot: Bot, params: Params) -> Reply:
        """`imbot.v2.Chat.Message.get`."""
        message = self._message(bot, params)
        return Reply(
            {
                "message": v2_message(message, self._switches),
                "user": next(iter(v2_users(self._world, [message.author])), []),
            }
        )

    def bot_context(self, bot: Bot, params: Params) -> Reply:
        """`imbot.v2.Chat.Message.getContext`: what stands around a message, oldest first."""
        message = self._message(bot, params)
        reach = params.limit("range", 50, 50)
        there = self._messages(self._world.chats[message.chat_id])
        place = there.index(message)
        page = there[max(0, place - reach) : place + reach + 1]
        return Reply(
            {
                "messages": [v2_message(each, self._switches) for each in page],
                "users": v2_users(self._world, (each.author for each in page)),
                "hasPrevPage": page[0] is not there[0],
                "hasNextPage": page[-1] is not there[-1],
            }
        )

    def bot_chat_users(self, bot: Bot, params: Params) -> Reply:
        """`imbot.v2.Chat.User.list`: no page but the first can be asked for."""
        members = sorted(self._dialog(bot.id, params).members)[: params.limit("limit", 50, 200)]
        return Reply({"users": v2_users(self._world, members)})

    def bot_chat(self, bot: Bot, params: Params) -> Reply:
        """`imbot.v2.Chat.get`."""
        return Reply({"chat": v2_chat(self._world, self._dialog(bot.id, params), bot.id)})

    def _recent(self, chat: Chat, user: int) -> dict[str, Any]:
        there = self._messages(chat)
        last = there[-1] if there else None
        return {
            "id": chat.dialog(user) if chat.pair is None else int(chat.dialog(user)),
            "chat_id": chat.id,
            "type": "chat" if chat.pair is None else "user",
            "title": chat.title,
            "message": last
            and {
                "id": last.id,
                "text": text_of(last)[:100],
                "author_id": last.author,
                "date": spelled(last.posted_at),
            },
            "date_last_activity": spelled(last.posted_at) if last else None,
        }

    def _message(self, bot: Bot, params: Params) -> Message:
        if not bot.reads_history:
            raise PortalError(403, "BOT_TYPE_NOT_ALLOWED", "Bot type is not allowed")
        message = self._world.messages.get(params.number("messageId", "MESSAGE_NOT_FOUND") or 0)
        if message is None or message.deletion == "full":
            raise PortalError(404, "MESSAGE_NOT_FOUND", "Message not found")
        if not self._world.chats[message.chat_id].has(bot.id) or self._is_hidden(message):
            raise PortalError(403, "MESSAGE_ACCESS_DENIED", "No access to the message")
        return message

    def _dialog(self, user: int, params: Params) -> Chat:
        name = params.text("DIALOG_ID") or params.text("dialogId")
        if name.startswith("chat") and name[4:].isdigit():
            return self._chat(user, int(name[4:]))
        if not name.isdigit():
            raise PortalError(400, "DIALOG_ID_EMPTY", "Dialog ID can't be empty")
        pair = {user, int(name)}
        for chat in self._world.chats.values():
            if chat.pair is not None and set(chat.pair) == pair:
                return chat
        raise _no_access()

    def _chat(self, user: int, chat_id: int | None) -> Chat:
        chat = self._world.chats.get(chat_id or 0)
        if chat is None or not chat.has(user):
            raise _no_access()
        return chat

    def _messages(self, chat: Chat) -> list[Message]:
        """Give what is there to be read, oldest first."""
        found = (self._world.messages[number] for number in chat.messages)
        return [each for each in found if each.deletion != "full" and not self._is_hidden(each)]

    def _is_hidden(self, message: Message) -> bool:
        days = self._switches.history_days
        return days is not None and message.posted_at < self._clock.now - days * _DAY

    def _hides_some(self, chat: Chat) -> bool:
        return any(self._is_hidden(self._world.messages[number]) for number in chat.messages)


def _no_access() -> PortalError:
    return PortalError(403, "ACCESS_ERROR", "You do not have access to the specified dialog")


def _reactions(message: Message, reader: int) -> dict[str, Any] | None:
    held = [key for key, stays in message.reactions.items() if stays[-1][1] is None]
    if not held or message.deletion:
        return None
    codes = sorted({code for _, code in held})
    by_code = {code: sorted(user for user, each in held if each == code) for code in codes}
    return {
        "messageId": message.id,
        "reactionCounters": {code: len(users) for code, users in by_code.items()},
        "reactionUsers": by_code,
        "ownReactions": [code for code, users in by_code.items() if reader in users],
    }


OF_USERS: Final[Mapping[str, Callable[[History, Caller, Params], Reply]]] = {
    "im.dialog.messages.get": History.dialog_messages,
    "im.dialog.messages.search": History.search,
    "im.chat.user.list": History.chat_users,
    "im.dialog.users.list": History.dialog_users,
    "im.dialog.get": History.dialog,
    "im.recent.list": History.recent,
}
OF_BOTS: Final[Mapping[str, Callable[[History, Bot, Params], Reply]]] = {
    "imbot.v2.chat.message.get": History.bot_message,
    "imbot.v2.chat.message.getcontext": History.bot_context,
    "imbot.v2.chat.user.list": History.bot_chat_users,
    "imbot.v2.chat.get": History.bot_chat,
}
"""The methods, in lower case: a portal does not mind."""
