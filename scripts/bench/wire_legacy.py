"""The legacy family on the wire: webhooks of bots."""

from typing import Final

from scripts.bench.envelope import APPLICATION_TOKEN, HOUR, MEMBER_ID, Tree, token, webhook
from scripts.bench.happenings import Happening, Message, Person, What

_CODES: Final[dict[What, str]] = {
    "ADD": "ONIMBOTMESSAGEADD",
    "UPDATE": "ONIMBOTMESSAGEUPDATE",
    "DELETE": "ONIMBOTMESSAGEDELETE",
    "JOIN": "ONIMBOTJOINCHAT",
    "COMMAND": "ONIMCOMMANDADD",
    "UNREGISTERED": "ONIMBOTDELETE",
}


def legacy_webhook(seen: Happening, _event_id: int, at: int) -> Tree:
    """The webhook of a legacy bot."""
    return webhook(_CODES[seen.what], _said(seen, at), seen.who, at)


def _said(seen: Happening, at: int) -> Tree:
    bot = seen.chat.legacy_bot
    if seen.what == "UNREGISTERED":
        return {"BOT_ID": str(bot.id), "BOT_CODE": f"archivist_{bot.id}"}
    element = {
        "access_token": token(bot, at),
        "expires": str(at + HOUR),
        "member_id": MEMBER_ID,
        "application_token": APPLICATION_TOKEN,
        "BOT_ID": str(bot.id),
        "BOT_CODE": f"archivist_{bot.id}",
    }
    told: Tree = {"PARAMS": _params(seen)}
    if seen.what == "COMMAND" and seen.message is not None:
        called = {
            "COMMAND": seen.code,
            "COMMAND_ID": "14",
            "COMMAND_PARAMS": "csv",
            "COMMAND_CONTEXT": "TEXTAREA",
            "MESSAGE_ID": str(seen.message.id),
        }
        told["COMMAND"] = {"14": element | called}
    else:
        told["BOT"] = {str(bot.id): element}
    if seen.what in ("ADD", "JOIN", "COMMAND") or seen.chat.private:
        told["USER"] = _user(seen.who)
    return told


def _params(seen: Happening) -> Tree:
    chat, message = seen.chat, seen.message
    letter = "P" if chat.private else "C"
    params: Tree = {
        "MESSAGE_TYPE": letter,
        "CHAT_TYPE": letter,
        "DIALOG_ID": chat.dialog_id,
        "LANGUAGE": "en",
        "CHAT_AUTHOR_ID": str(chat.owner),
        "CHAT_ENTITY_TYPE": "",
        "CHAT_ENTITY_ID": "",
    }
    if message is None:
        params |= {"BOT_ID": str(chat.legacy_bot.id), "USER_ID": str(seen.who.id)}
        return params if chat.private else params | {"CHAT_ID": str(chat.id)}
    params |= {"MESSAGE_ID": str(message.id), "AUTHOR_ID": str(message.author.id)}
    if seen.what in ("UPDATE", "DELETE"):
        params |= {"ID": str(message.id), "CHAT_ID": str(chat.id)}
    else:
        params |= _posting(message)
    if seen.what == "DELETE":
        return params | {"MESSAGE": "Message from 09/14/2026 10:15:00 has been deleted"}
    return params | _text(message)


def _posting(message: Message) -> Tree:
    chat = message.chat
    posting = {
        "FROM_USER_ID": str(message.author.id),
        "TO_CHAT_ID": str(chat.id),
        "SYSTEM": "N",
        "COMMAND_CONTEXT": "TEXTAREA",
        "PLATFORM_CONTEXT": "web",
        "CHAT_USER_COUNT": "5",
    }
    if not chat.private:
        posting |= {"CHAT_ID": str(chat.id), "CHAT_TITLE": chat.title, "CHAT_COLOR": "AZURE"}
    return posting


def _text(message: Message) -> Tree:
    if message.chat.private:
        return {"MESSAGE": message.text}
    mention = f"[USER={message.chat.legacy_bot.id}]"
    stripped = message.text.partition("[/USER]")[2] if mention in message.text else message.text
    return {"MESSAGE": stripped, "MESSAGE_ORIGINAL": message.text}


def _user(person: Person) -> Tree:
    first, _, last = person.name.partition(" ")
    return {
        "ID": str(person.id),
        "NAME": person.name,
        "FIRST_NAME": first,
        "LAST_NAME": last,
        "WORK_POSITION": person.position,
        "GENDER": "F",
        "IS_BOT": "Y" if person.bot else "N",
    }
