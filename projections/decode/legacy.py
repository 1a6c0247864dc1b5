"""The legacy bots' events, by webhook only, every scalar a string.

No message of this family says when it was written: a fact's time is the webhook's. In a group the
mention of the bot is cut from `MESSAGE` (reference, trap 1); where `MESSAGE_ORIGINAL` does not
say the whole, the text is weak.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from eventstore.event import Event
from projections.decode.leaving import leaver
from projections.decode.legacy_fields import (
    ChatFields,
    MessageFields,
    OnBot,
    OnCommand,
    OnJoining,
    OnMessage,
    UserFields,
)
from projections.decode.params import code_of, is_attached, known_by_id, replied_to
from projections.decode.testimony import Chat, Testimony, User, kind
from projections.decode.wire import chat_of_dialog, reader
from projections.errors import Undecodable
from projections.facts import Decoded

_read_message: Final = reader(OnMessage)
_read_joining: Final = reader(OnJoining)
_read_command: Final = reader(OnCommand)
_read_bot: Final = reader(OnBot)


def _posted(event: Event) -> Decoded:
    """Decode `ONIMBOTMESSAGEADD`."""
    sent = _read_message(event.payload)["data"]
    message = sent["PARAMS"]
    told = _told_of(event, message, sent["USER"])
    _state_posting(told, message, _message_id(message))
    return told.decoded()


def _edited(event: Event) -> Decoded:
    """Decode `ONIMBOTMESSAGEUPDATE`: the author is named, whoever edited."""
    envelope = _read_message(event.payload)
    sent, actor = envelope["data"], envelope["auth"]["user_id"]
    message = sent["PARAMS"]
    text, weak = _text(message)
    detail = _contents(message, weak=weak)
    if actor:
        detail["actor"] = actor
    told = _told_of(event, message, sent["USER"])
    told.state(
        "message_edited",
        message_id=_message_id(message),
        user_id=_author(message),
        text=text,
        code=_code(message),
        detail=detail,
    )
    return told.decoded()


def _deleted(event: Event) -> Decoded:
    """Decode `ONIMBOTMESSAGEDELETE`: its `MESSAGE` is a notice, and no text (trap 3)."""
    envelope = _read_message(event.payload)
    sent, actor = envelope["data"], envelope["auth"]["user_id"]
    message = sent["PARAMS"]
    told = _told_of(event, message, sent["USER"])
    told.state(
        "message_deleted",
        message_id=_message_id(message),
        user_id=_author(message),
        detail={"actor": actor} if actor else None,
    )
    return told.decoded()


def _joined(event: Event) -> Decoded:
    """Decode `ONIMBOTJOINCHAT`: `USER_ID` is who added the bot (trap 5).

    A private chat's id is not told (trap 13): the other one stands for it.
    """
    sent = _read_joining(event.payload)["data"]
    joining = sent["PARAMS"]
    adder = joining["USER_ID"]
    told = _told_of(event, joining, sent["USER"])
    detail = {"by": adder} if adder else {}
    if adder and told.chat_id is None and not _is_group(joining):
        detail["dialog_user"] = adder
    told.state("member_joined", user_id=joining["BOT_ID"], detail=detail)
    return told.decoded()


def _called(event: Event) -> Decoded:
    """Decode `ONIMCOMMANDADD`: one message may call several commands (trap 24).

    Only a typed one is a new message: a key press names the bot's.
    """
    sent = _read_command(event.payload)["data"]
    message, calls = sent["PARAMS"], sent["COMMAND"]
    if not calls:
        raise Undecodable("data.COMMAND: no command")
    told = _told_of(event, message, sent["USER"])
    contexts = [(call["COMMAND_CONTEXT"] or "").lower() for call in calls]
    if "textarea" in contexts:
        typed = calls[contexts.index("textarea")]
        _state_posting(told, message, _message_id(message, typed["MESSAGE_ID"]))
    for call, context in zip(calls, contexts, strict=True):
        said = {"bot": call["BOT_ID"], "params": call["COMMAND_PARAMS"], "context": context or None}
        told.state(
            "command_called",
            message_id=_message_id(message, call["MESSAGE_ID"]),
            user_id=sent["USER"]["ID"] or message["FROM_USER_ID"],
            code=call["COMMAND"].removeprefix("/"),
            detail={key: value for key, value in said.items() if value is not None},
        )
    return told.decoded()


def _unregistered(event: Event) -> Decoded:
    """Decode `ONIMBOTDELETE`: the end of a bot."""
    sent = _read_bot(event.payload)["data"]
    told = Testimony(event)
    told.state("bot_unregistered", user_id=sent["BOT_ID"])
    return told.decoded()


def _told_of(event: Event, fields: ChatFields, user: UserFields) -> Testimony:
    chat_id = fields["CHAT_ID"] or fields["TO_CHAT_ID"] or chat_of_dialog(fields["DIALOG_ID"])
    letter = _letter(fields)
    return Testimony(
        event,
        Chat(
            chat_id,
            None if letter == "P" else fields["CHAT_TITLE"],  # its reader's view (trap 14)
            None,
            letter,
            fields["CHAT_AUTHOR_ID"] or None,
            fields["CHAT_ENTITY_TYPE"],
            fields["CHAT_ENTITY_ID"],
            fields["CHAT_PARENT_ID"] or None,
            fields["CHAT_PARENT_MID"] or None,
        )
        if chat_id
        else None,
        User(
            user["ID"],
            user["NAME"] or None,
            user["WORK_POSITION"],
            kind(user["IS_BOT"]),
        )
        if user["ID"]
        else None,
    )


def _state_posting(told: Testimony, message: MessageFields, message_id: int) -> None:
    text, weak = _text(message)
    code = _code(message)
    told.state(
        "message_posted",
        message_id=message_id,
        user_id=_author(message),
        text=text,
        code=code,
        detail=_contents(message, weak=weak),
    )
    gone = leaver(code, text)
    if gone and told.chat_id:
        told.state("member_left", user_id=gone)


def _message_id(message: MessageFields, named: int | None = None) -> int:
    for message_id in (named, message["MESSAGE_ID"], message["ID"]):
        if message_id is not None:
            return message_id
    raise Undecodable("data.PARAMS.MESSAGE_ID: Field required")


def _author(message: MessageFields) -> int | None:
    author = message["AUTHOR_ID"]
    return message["FROM_USER_ID"] if author is None else author


def _letter(fields: ChatFields) -> str | None:
    return fields["MESSAGE_TYPE"] or fields["CHAT_TYPE"] or None


def _text(message: MessageFields) -> tuple[str | None, bool]:
    """What the message says, and whether the bot's mention was cut from it."""
    original, text = message["MESSAGE_ORIGINAL"], message["MESSAGE"]
    if original or (original is not None and not text):
        return original, False
    if not _is_group(message):  # no mention to cut (trap 2)
        return text, False
    if text is None or not text.strip():  # nothing is left of a mention alone
        return None, False
    return text, True


def _is_group(fields: ChatFields) -> bool:
    letter = _letter(fields)
    if letter:
        return letter != "P"
    return chat_of_dialog(fields["DIALOG_ID"]) is not None


def _is_system(message: MessageFields) -> bool:
    claimed = message["SYSTEM"]
    return _author(message) == 0 if claimed is None else claimed


def _code(message: MessageFields) -> str | None:
    return code_of(message["PARAMS"]) if _is_system(message) else None


def _contents(message: MessageFields, *, weak: bool) -> dict[str, Any]:
    """What a posting or an edit says beside its text."""
    contents: dict[str, Any] = {}
    if _is_system(message):
        contents["system"] = True
    if weak:
        contents["weak"] = True
    if files := _files(message):
        contents["files"] = files
    if reply := _reply(message):
        contents["reply_to"] = reply
    if _is_attached(message):
        contents["attached"] = True
    return contents


def _files(message: MessageFields) -> list[dict[str, Any]]:
    """Those that are described, and then those of which only the id is told."""
    described = [
        {
            "id": file["id"],
            "name": file["name"] or None,
            "type": file["type"] or None,
            "size": file["size"],
        }
        for file in message["FILES"]
    ]
    ids = {file["id"] for file in described}
    return described + [
        file for file in known_by_id(message["PARAMS"]["file_id"]) if file["id"] not in ids
    ]


def _is_attached(message: MessageFields) -> bool:
    return (
        is_attached(message["PARAMS"])
        or message["ATTACH"]
        or message["KEYBOARD"]
        or message["MENU"]
        or message["URL_ATTACH"]
    )


def _reply(message: MessageFields) -> dict[str, Any] | None:
    reply = message["REPLY_MESSAGE"]
    replied = reply["ID"] or replied_to(message["PARAMS"])
    if not replied:
        return None
    return {"message_id": replied, "author_id": reply["AUTHOR_ID"], "text": reply["MESSAGE"]}


DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    "ONIMBOTMESSAGEADD": _posted,
    "ONIMBOTMESSAGEUPDATE": _edited,
    "ONIMBOTMESSAGEDELETE": _deleted,
    "ONIMBOTJOINCHAT": _joined,
    "ONIMCOMMANDADD": _called,
    "ONIMBOTDELETE": _unregistered,
}
