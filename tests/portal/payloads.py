"""What a portal sends of one thing that happened: the samples, with other words in them."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from tests import samples
from tests.portal.clock import spelled

USERS: Final = {
    0: "",
    41: "Priya Nair",
    58: "Tomás Vidal",
    63: "Hanna Lind",
    912: "Archivist",
    931: "Ledger",
}
BOTS: Final = frozenset({912, 931})
USER_QUEUE: Final = "user:58"
BOT_QUEUE: Final = "bot:931"
LONGEST: Final = 20_000
"""Characters of a text in a queue; of a longer one, the rest is missing."""

WORK_POSITION: Final = "Engineer"
"""What everybody is, wherever the portal tells of somebody."""

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
    owner: int = 41
    by: int = 0
    pair: tuple[int, int] | None = None
    over_rest: bool = False


def item(
    said: Happening, receiver: str, event_id: int, at: int, names: Mapping[int, str] = USERS
) -> dict[str, Any]:
    """Tell of it in a queue.

    Of the one who joined, a bot's queue tells only if it is the bot; `user` is then who added it.
    A private chat is named by the other one of the two (reference, section 3.5), a long text is
    cut (trap 33).
    """
    kind, _, number = receiver.partition(":")
    family = "imbot" if kind == "bot" else "im"
    sent = _sample(f"{family}_v2/on{family}v2{_KINDS[said.kind]}.json")
    sent |= {"eventId": event_id, "date": spelled(at)}
    data = sent["data"]
    _fill_v2(data, said, names)
    if kind == "bot":
        data["bot"]["id"] = int(number)
        if said.kind == "joined":
            data["user"] |= {"id": said.by, "name": names[said.by], "bot": said.by in BOTS}
    if said.pair is not None:
        other = said.pair[0] if said.pair[1] == int(number) else said.pair[1]
        data["chat"] |= {"dialogId": str(other), "type": "private", "messageType": "P"}
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


def _fill_v2(data: dict[str, Any], said: Happening, names: Mapping[int, str]) -> None:
    data["chat"] |= {"id": said.chat_id, "dialogId": f"chat{said.chat_id}", "name": said.title}
    data["chat"]["owner"] = said.owner
    if "dialogId" in data:
        data["dialogId"] = f"chat{said.chat_id}"
    if "message" in data:
        data["message"] |= {
            "id": said.message_id,
            "chatId": said.chat_id,
            "authorId": said.author,
            "date": spelled(said.posted_at),
            "text": cut(said.text),
            "isSystem": said.author == 0,
            "params": {"CODE": said.code} if said.code and said.author == 0 else {},
        }
    if said.kind == "deleted":
        data["messageId"] = said.message_id
    if said.kind == "reacted":
        data |= {"reaction": said.code, "action": said.action}
    data["user"] |= {"id": said.user, "name": names[said.user], "bot": said.user in BOTS}
    data["user"]["workPosition"] = WORK_POSITION
    if said.user == 0:
        data["user"] = []


def cut(text: str) -> str:
    """Cut a long text as queues do (reference, section 3.1)."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} (...)"


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
