"""What a portal sends of one thing that happened: the samples, with other words in them."""

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from tests import samples

USERS: Final = {
    0: "",
    41: "Priya Nair",
    58: "Tomás Vidal",
    63: "Hanna Lind",
    912: "Archivist",
    931: "Ledger",
}
USER_QUEUE: Final = "user:58"
BOT_QUEUE: Final = "bot:931"
LEDGER: Final = 931
"""The bot of the queue: it reports reactions on its own messages only (reference, trap 42)."""

_KINDS: Final = {
    "posted": "messageadd",
    "edited": "messageupdate",
    "deleted": "messagedelete",
    "reacted": "reactionchange",
    "joined": "joinchat",
}
_MENTION: Final = re.compile(r"\[USER=912\][^\[]*\[/USER\]")


class Happening(NamedTuple):
    """One thing that happened, at a whole second, as everything that tells of it has it."""

    kind: str
    at: int
    chat_id: int
    title: str
    user: int
    message_id: int = 0
    author: int = 0
    posted_at: int = 0
    text: str = ""
    code: str | None = None
    action: str = "add"


def item(said: Happening, receiver: str, event_id: int, at: int) -> dict[str, Any]:
    """Tell of it in a queue; of the one who joined, a bot's queue tells only if it is the bot."""
    family = "imbot" if receiver == BOT_QUEUE else "im"
    sent = _sample(f"{family}_v2/on{family}v2{_KINDS[said.kind]}.json")
    sent |= {"eventId": event_id, "date": _clock(at)}
    _fill_v2(sent["data"], said, USERS)
    return sent


def v2_webhook(said: Happening, at: int) -> dict[str, Any]:
    """Tell of it as a v2 bot in webhook mode does. It knows people by other names (trap 34)."""
    sent = _sample(f"imbot_v2/onimbotv2{_KINDS[said.kind]}.webhook.json")
    names = {user: f"{name} (hooked)" for user, name in USERS.items()}
    _fill_v2(sent["data"], said, names)
    message = sent["data"].get("message")
    if message:
        message["text"] = message["text"].replace("]Archivist[", "]Archivist II[")
    sent["ts"] = str(at)
    return _form_view(sent)


def legacy_webhook(said: Happening, at: int) -> dict[str, Any]:
    """Tell of it as a legacy bot's handler hears it: every scalar a string, the mention cut."""
    sent = _sample(f"legacy/onimbot{_KINDS[said.kind]}.json")
    sent["ts"] = str(at)
    fields = sent["data"]["PARAMS"]
    fields |= {"CHAT_ID": said.chat_id, "DIALOG_ID": f"chat{said.chat_id}"}
    fields |= {"MESSAGE_ID": said.message_id, "AUTHOR_ID": said.author}
    if said.kind == "posted":
        fields |= {"TO_CHAT_ID": said.chat_id, "FROM_USER_ID": said.author}
        fields |= {"CHAT_TITLE": said.title}
        sent["data"]["USER"] |= {"ID": said.author, "NAME": USERS[said.author]}
    else:
        fields["ID"] = said.message_id
    if said.kind != "deleted":
        whole = said.text.replace("\n", "\r\n")
        fields |= {"MESSAGE": _MENTION.sub("", whole), "MESSAGE_ORIGINAL": whole}
        if "[USER=912]" not in whole:
            del fields["MESSAGE_ORIGINAL"], fields["MENTIONED_LIST"]
    return _form_view(sent)


def form(tree: dict[str, Any]) -> bytes:
    """Spell a webhook as PHP does: brackets for what is nested, percent signs for what is odd."""
    fields = (f"{quote_plus(name)}={quote_plus(value)}" for name, value in _fields(tree, ""))
    return "&".join(fields).encode()


def _fields(node: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict | list):
        entries = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in entries:
            yield from _fields(value, f"{name}[{key}]" if name else str(key))
    else:
        yield name, node


def _fill_v2(data: dict[str, Any], said: Happening, names: dict[int, str]) -> None:
    data["chat"] |= {"id": said.chat_id, "dialogId": f"chat{said.chat_id}", "name": said.title}
    if "dialogId" in data:
        data["dialogId"] = f"chat{said.chat_id}"
    if "message" in data:
        data["message"] |= {
            "id": said.message_id,
            "chatId": said.chat_id,
            "authorId": said.author,
            "date": _clock(said.posted_at),
            "text": said.text,
            "isSystem": said.author == 0,
            "params": {"CODE": said.code} if said.code and said.author == 0 else {},
        }
    if said.kind == "deleted":
        data["messageId"] = said.message_id
    if said.kind == "reacted":
        data |= {"reaction": said.code, "action": said.action}
    data["user"] |= {"id": said.user, "name": names[said.user], "bot": said.user == LEDGER}
    if said.user == 0:
        data["user"] = []


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _sample(name: str) -> dict[str, Any]:
    if name not in _SAMPLES:
        _SAMPLES[name] = samples.tree(name)
    return copy.deepcopy(_SAMPLES[name])


_SAMPLES: Final[dict[str, dict[str, Any]]] = {}


def _form_view(tree: dict[str, Any]) -> dict[str, Any]:
    """Spell every scalar as a form does; what is empty is not there at all (trap 19)."""
    return {key: _strings(value) for key, value in tree.items() if value not in ({}, [])}


def _strings(node: Any) -> Any:
    if isinstance(node, dict):
        return _form_view(node)
    if isinstance(node, list):
        return [_strings(value) for value in node]
    if isinstance(node, bool):
        return "1" if node else "0"
    return "" if node is None else str(node)
