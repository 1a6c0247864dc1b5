"""How REST answers spell messages, chats and users: the older way, and that of v2."""

from collections.abc import Iterable
from typing import Any

from tests.portal.clock import local, spelled
from tests.portal.payloads import WORK_POSITION
from tests.portal.switches import Switches
from tests.portal.truth import Chat, Message, World


def text_of(message: Message) -> str:
    """Give what stands there: the text, or the notice of what was deleted (reference, 3.3)."""
    if message.deletion == "soft":
        return f"Message from {local(message.posted_at)} has been deleted"
    return message.text


def params_of(message: Message, switches: Switches) -> dict[str, Any] | list[Any]:
    """Give what rides on a message; PHP spells nothing as an empty list."""
    params: dict[str, Any] = {}
    if message.code:
        params |= {"CODE": [message.code], "NOTIFY": "N"}
    if likes := message.holders("like"):
        params["LIKE"] = likes
    if switches.deletion_marked and message.deletion:
        params["IS_DELETED"] = "Y"
    elif switches.edit_marked and len(message.texts) > 1:
        params["IS_EDITED"] = "Y"
    return params or []


def old_message(message: Message, switches: Switches) -> dict[str, Any]:
    """Spell a message as `im.dialog.messages.get` does."""
    return {
        "id": message.id,
        "chat_id": message.chat_id,
        "author_id": message.author,
        "date": spelled(message.posted_at),
        "text": text_of(message),
        "unread": False,
        "uuid": None,
        "replaces": [],
        "params": params_of(message, switches),
        "disappearing_date": None,
    }


def v2_message(message: Message, switches: Switches) -> dict[str, Any]:
    """Spell a message as `imbot.v2.Chat.Message.get` does."""
    return {
        "id": message.id,
        "chatId": message.chat_id,
        "authorId": message.author,
        "date": spelled(message.posted_at),
        "text": text_of(message),
        "isSystem": message.author == 0,
        "uuid": "" if message.author else None,
        "forward": None,
        "params": params_of(message, switches),
        "viewedByOthers": True,
    }


def both(message: Message, switches: Switches) -> dict[str, Any]:
    """Spell a message as `im.dialog.messages.search` does: both ways at once."""
    return v2_message(message, switches) | old_message(message, switches)


def old_users(world: World, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Spell users as the older methods do."""
    return [
        {
            "id": user,
            "active": True,
            "name": world.users[user],
            "work_position": WORK_POSITION,
            "bot": user in world.bots,
            "type": "bot" if user in world.bots else "user",
        }
        for user in sorted(set(ids) - {0})
    ]


def v2_users(world: World, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Spell users as v2 does."""
    return [
        {
            "id": user,
            "active": True,
            "name": world.users[user],
            "workPosition": WORK_POSITION,
            "bot": user in world.bots,
            "type": "bot" if user in world.bots else "employee",
        }
        for user in sorted(set(ids) - {0})
    ]


def v2_chat(world: World, chat: Chat, reader: int) -> dict[str, Any]:
    """Spell a chat as `imbot.v2.Chat.get` does."""
    there = [number for number in chat.messages if world.messages[number].deletion != "full"]
    return {
        "id": chat.id,
        "dialogId": chat.dialog(reader),
        "name": chat.title,
        "type": "chat" if chat.pair is None else "private",
        "messageType": "C" if chat.pair is None else "P",
        "owner": chat.owner,
        "entityType": "",
        "entityId": "",
        "parentChatId": 0,
        "parentMessageId": 0,
        "userCounter": len(chat.members),
        "messageCount": len(there),
        "lastMessageId": there[-1] if there else 0,
    }


def old_chat(world: World, chat: Chat, reader: int) -> dict[str, Any]:
    """Spell a chat as `im.dialog.get` does."""
    said = v2_chat(world, chat, reader)
    return {_snake(name): value for name, value in said.items()}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
