"""The v2 families on the wire: queue items of users and bots, webhooks of bots."""

from datetime import datetime, timedelta, timezone
from typing import Final

from scripts.bench.envelope import APPLICATION_TOKEN, MEMBER_ID, Tree, webhook
from scripts.bench.happenings import Chat, Happening, Message, Person, What

_ZONE: Final = timezone(timedelta(hours=3))
_CODES: Final[dict[What, str]] = {
    "ADD": "MESSAGEADD",
    "UPDATE": "MESSAGEUPDATE",
    "DELETE": "MESSAGEDELETE",
    "REACTION": "REACTIONCHANGE",
    "JOIN": "JOINCHAT",
    "COMMAND": "COMMANDADD",
    "CONTEXT": "CONTEXTGET",
    "UNREGISTERED": "DELETE",
}


def user_item(seen: Happening, event_id: int, at: int) -> Tree:
    """The queue item of a subscribed user (im v2)."""
    code = "ONIMV2" + _CODES[seen.what]
    return {"eventId": event_id, "type": code, "date": _date(at), "data": _said(seen)}


def bot_item(seen: Happening, event_id: int, at: int) -> Tree:
    """The queue item of a bot (imbot v2, fetch mode)."""
    bot = {
        "id": seen.chat.queue_bot.id,
        "code": f"ledger_{seen.chat.queue_bot.id}",
        "type": "supervisor",
        "isHidden": False,
        "isReactionsEnabled": True,
        "language": "en",
        "eventMode": "fetch",
        "countMessage": event_id,
        "countChat": 40,
    }
    code = "ONIMBOTV2" + _CODES[seen.what]
    return {
        "eventId": event_id,
        "type": code,
        "date": _date(at),
        "data": {"bot": bot} | ({} if seen.what == "UNREGISTERED" else _said(seen, briefly=True)),
    }


def v2_webhook(seen: Happening, _event_id: int, at: int) -> Tree:
    """The webhook of a bot (imbot v2, webhook mode): every scalar is a string."""
    bot = seen.chat.webhook_bot
    said = {} if seen.what == "UNREGISTERED" else _stringified(_said(seen, briefly=True))
    auth = {"application_token": APPLICATION_TOKEN, "member_id": MEMBER_ID}
    told = {"bot": {"id": str(bot.id), "code": f"hook_{bot.id}", "auth": auth}, **said}
    return webhook("ONIMBOTV2" + _CODES[seen.what], told, seen.who, at)


def _said(seen: Happening, *, briefly: bool = False) -> Tree:
    told: Tree = {}
    message = seen.message
    if seen.what == "DELETE" and message is not None:
        told["messageId"] = message.id
    elif message is not None:
        told["message"] = _message(message)
    if seen.what == "REACTION":
        told |= {"reaction": seen.code, "action": "delete" if seen.undone else "add"}
    elif seen.what == "COMMAND":
        called = {"id": 21, "command": f"/{seen.code}", "params": "csv", "context": "textarea"}
        told["command"] = called
    elif seen.what in ("JOIN", "CONTEXT"):
        told["dialogId"] = seen.chat.dialog_id
    if seen.what == "CONTEXT":
        told["context"] = {"action": "openTask", "taskId": seen.at}
    system = message is not None and message.left is not None
    return {
        **told,
        "chat": _chat(seen.chat) | ({} if briefly else _OF_EVERY_CHAT),
        "user": [] if system else _user(seen.who),
        "language": "en",
    }


def _message(message: Message) -> Tree:
    left = message.left
    return {
        "id": message.id,
        "chatId": message.chat.id,
        "authorId": 0 if left else message.author.id,
        "date": _date(message.at),
        "text": message.text,
        "isSystem": left is not None,
        "uuid": None if left else "",
        "forward": None,
        "params": {"CODE": ["CHAT_LEAVE"], "NOTIFY": "N"} if left else {},
        "viewedByOthers": message.edits > 0,
    }


def _chat(chat: Chat) -> Tree:
    return {
        "id": chat.id,
        "dialogId": chat.dialog_id,
        "name": chat.title,
        "type": "private" if chat.private else "chat",
        "messageType": "P" if chat.private else "C",
        "owner": chat.owner,
        "entityType": "",
        "entityId": "",
    }


_OF_EVERY_CHAT: Final[Tree] = {
    "color": "#5bc0de",
    "avatar": "",
    "description": "",
    "extranet": False,
    "containsCollaber": False,
    "entityLink": {},
    "diskFolderId": 512,
    "permissions": {},
    "parentChatId": 0,
    "parentMessageId": 0,
    "isNew": False,
    "textFieldEnabled": "Y",
    "backgroundId": None,
}
"""What a bot's page may leave out (reference, section 3.6)."""


def _user(person: Person) -> Tree:
    first, _, last = person.name.partition(" ")
    return {
        "id": person.id,
        "active": True,
        "name": person.name,
        "firstName": first,
        "lastName": last,
        "workPosition": person.position,
        "color": "#df532d",
        "avatar": "",
        "gender": "F",
        "birthday": "",
        "extranet": False,
        "bot": person.bot,
        "connector": False,
        "externalAuthId": "bot" if person.bot else "default",
        "status": "online",
        "idle": False,
        "lastActivityDate": False,
        "mobileLastDate": False,
        "absent": False,
        "departments": [1, 4],
        "phones": False,
        "type": "bot" if person.bot else "employee",
        "website": "",
        "email": f"user{person.id}@acme.example",
    }


def _stringified(tree: Tree) -> Tree:
    """Spell values as a form does; empty containers vanish (reference, trap 19)."""
    spelt: Tree = {}
    for key, value in tree.items():
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}  # noqa: PLW2901
        if isinstance(value, dict):
            if value:
                spelt[key] = _stringified(value)
        elif isinstance(value, bool):
            spelt[key] = "1" if value else "0"
        else:
            spelt[key] = "" if value is None else str(value)
    return spelt


def _date(at: int) -> str:
    return datetime.fromtimestamp(at, _ZONE).isoformat()
