"""What Chronicle tells of its own watching: how a queue was watched, and how a chat was read.

The wire is `eventstore.own_events`. A word that is not known here is kept as it is: a newer
version may have told it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Required

from typing_extensions import TypedDict

from eventstore.event import Event
from eventstore.own_events import CHAT_READ, QUEUE_WATCHED
from projections import stretches
from projections.decode import testimony
from projections.decode.testimony import Testimony
from projections.decode.wire import Id, Moment, OptionalId, Sparse, Text, Word, id_in, reader
from projections.errors import Undecodable
from projections.facts import Decoded

_Hole = TypedDict("_Hole", {"from": Moment, "cause": Text}, total=False)


class _Watched(TypedDict, total=False):
    since: Moment
    until: Moment
    sees: Required[Word]
    hole: Sparse[_Hole]


class _Chat(TypedDict, total=False):
    """A chat as `im.dialog.get` answers; as `imbot.v2.Chat.get` does, where that differs."""

    id: OptionalId
    dialog_id: Text
    dialogId: Text
    name: Text
    type: Text
    message_type: Text
    messageType: Text
    owner: OptionalId
    entity_type: Text
    entityType: Text
    entity_id: Text
    entityId: Text
    parent_chat_id: OptionalId
    parentChatId: OptionalId
    parent_message_id: OptionalId
    parentMessageId: OptionalId


class _ChatRead(TypedDict, total=False):
    chatId: Required[Id]
    access: Required[Word]
    since: Moment
    chat: Sparse[_Chat]


_read_watched: Final = reader(_Watched)
_read_chat_read: Final = reader(_ChatRead)


def _watched(event: Event) -> Decoded:
    """Decode that a queue was watched: the fact occurred when the watch ended."""
    sent = _read_watched(event.payload)["data"]
    if sent["since"] is None:
        raise Undecodable("data.since: since when it was watched is not said")
    detail: dict[str, Any] = {"since": sent["since"], "sees": sent["sees"]}
    hole = sent["hole"]
    if hole["cause"] is not None or hole["from"] is not None:
        detail["hole"] = {"from": hole["from"], "cause": hole["cause"] or stretches.UNTOLD}
    told = Testimony(event)
    told.state("queue_watched", at=sent["until"], detail=detail)
    facts, profiles = told.decoded()
    stretch = stretches.named(event.receiver, facts[0].detail or "")
    return Decoded(facts, profiles | {stretch.id: stretch.content})


def _chat_read(event: Event) -> Decoded:
    """Decode that a chat was read, or could not be."""
    sent = _read_chat_read(event.payload)["data"]
    told = Testimony(event, _seen(sent["chatId"], sent["chat"]))
    since = sent["since"]
    told.state(
        "chat_observed",
        code=sent["access"],
        detail=None if since is None else {"since": since},
    )
    facts, profiles = told.decoded()
    if sent["access"] != "lost":
        return Decoded(facts, profiles)
    unseen = [fact._replace(chat_profile=None) for fact in facts]  # it may not even be there
    return Decoded(tuple(unseen), {})


def _seen(chat_id: int, chat: _Chat) -> testimony.Chat:
    letter = chat["message_type"] or chat["messageType"] or None
    dialog = id_in(chat["dialog_id"] or chat["dialogId"])
    private = chat["type"] == "private" or letter == "P" or (not letter and dialog is not None)
    return testimony.Chat(
        chat_id,
        None if private else chat["name"],  # its name is only its reader's view (trap 14)
        chat["type"] or None,
        letter,
        chat["owner"] or None,
        _either(chat["entity_type"], chat["entityType"]),
        _either(chat["entity_id"], chat["entityId"]),
        chat["parent_chat_id"] or chat["parentChatId"] or None,
        chat["parent_message_id"] or chat["parentMessageId"] or None,
    )


def _either(one: str | None, other: str | None) -> str | None:
    return other if one is None else one


DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    QUEUE_WATCHED: _watched,
    CHAT_READ: _chat_read,
}
