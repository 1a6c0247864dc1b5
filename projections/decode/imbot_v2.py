"""imbot v2: the events of a bot, by its queue or by webhook."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Required

from typing_extensions import TypedDict

from eventstore.event import Event
from projections.decode import v2
from projections.decode.testimony import Testimony
from projections.decode.wire import Id, Text, Word, reader
from projections.facts import Decoded


class _Bot(TypedDict, total=False):
    id: Required[Id]


class _Command(TypedDict, total=False):
    command: Required[Word]
    params: Text
    context: Text


class _OnBot(TypedDict, total=False):
    bot: Required[_Bot]


class _OnJoining(v2.Scene, _OnBot, total=False):
    pass


class _OnCommand(v2.Scene, _OnBot, total=False):
    command: Required[_Command]
    message: Required[v2.Message]


_read_bot: Final = reader(_OnBot)
_read_joining: Final = reader(_OnJoining)
_read_command: Final = reader(_OnCommand)
_read_scene: Final = reader(v2.Scene)


def _joined(event: Event) -> Decoded:
    """Decode the joining of the bot itself: `user` is who added it (reference, trap 5)."""
    sent = _read_joining(event.payload)["data"]
    adder = sent["user"]["id"]
    told = v2.told_of(event, sent)
    told.state(
        "member_joined",
        user_id=sent["bot"]["id"],
        detail={"by": adder} if adder else None,
    )
    return told.decoded()


def _called(event: Event) -> Decoded:
    """Decode a slash command. Only a typed one is a new message: a key press names the bot's."""
    sent = _read_command(event.payload)["data"]
    command, message = sent["command"], sent["message"]
    context = (command["context"] or "").lower()
    typed = context == "textarea"
    call = {"bot": sent["bot"]["id"], "params": command["params"], "context": context or None}
    detail: dict[str, Any] = {key: value for key, value in call.items() if value is not None}
    told = v2.told_of(event, sent, message)
    if typed:
        v2.state_posting(told, message, sent["user"])
    else:
        detail |= v2.seen_on(message)
    told.state(
        "command_called",
        message_id=message["id"],
        user_id=sent["user"]["id"],
        text=None if typed else message["text"],
        code=command["command"].removeprefix("/"),
        detail=detail,
    )
    return told.decoded()


def _opened(event: Event) -> Decoded:
    """Decode the opening of a dialog by a link with context, which is a secret and stays out."""
    sent = _read_scene(event.payload)["data"]
    told = v2.told_of(event, sent)
    told.state("context_opened", user_id=sent["user"]["id"])
    return told.decoded()


def _unregistered(event: Event) -> Decoded:
    """Decode the end of a bot."""
    sent = _read_bot(event.payload)["data"]
    told = Testimony(event)
    told.state("bot_unregistered", user_id=sent["bot"]["id"])
    return told.decoded()


DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    "ONIMBOTV2MESSAGEADD": v2.posted,
    "ONIMBOTV2MESSAGEUPDATE": v2.edited,
    "ONIMBOTV2MESSAGEDELETE": v2.deleted,
    "ONIMBOTV2REACTIONCHANGE": v2.reacted,
    "ONIMBOTV2JOINCHAT": _joined,
    "ONIMBOTV2COMMANDADD": _called,
    "ONIMBOTV2CONTEXTGET": _opened,
    "ONIMBOTV2DELETE": _unregistered,
}
