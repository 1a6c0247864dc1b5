"""What imbot v2 and im v2 have in common: their objects, and the events about messages.

The v2 family says when a message was written (`message.date`), also in edits and reactions, where
it is no time of theirs (reference, trap 10). It never says who edited or deleted: `user` is the
author (trap 4); only the token of a webhook hints at the actor.
"""

from typing import Any, Final, Required

from typing_extensions import TypedDict

from eventstore.event import Event
from projections.decode import testimony
from projections.decode.leaving import leaver
from projections.decode.params import Params, code_of, is_attached, known_by_id, replied_to
from projections.decode.testimony import Testimony
from projections.decode.wire import (
    Anything,
    Flag,
    Folded,
    Id,
    Moment,
    OptionalId,
    Sparse,
    Text,
    Word,
    chat_of_dialog,
    id_in,
    reader,
)
from projections.errors import Undecodable
from projections.facts import MAX_ID, Decoded, Kind


class Forward(TypedDict, total=False):
    """Where a forwarded message comes from."""

    id: Anything  # of no documented type
    userId: OptionalId
    chatId: OptionalId


class Message(TypedDict, total=False):
    """A message; all but its id may be gone when the payload is built (reference, trap 38)."""

    id: Required[Id]
    chatId: OptionalId
    authorId: OptionalId
    date: Moment
    text: Text
    isSystem: Flag
    forward: Sparse[Forward]
    params: Folded[Params]


class Chat(TypedDict, total=False):
    """A chat, as events carry it."""

    id: OptionalId
    dialogId: Text
    name: Text
    type: Text
    messageType: Text
    owner: OptionalId
    entityType: Text
    entityId: Text
    parentChatId: OptionalId
    parentMessageId: OptionalId


class User(TypedDict, total=False):
    """A user: which one, depends on the event."""

    id: OptionalId
    name: Text
    workPosition: Text
    bot: Flag


class Scene(TypedDict, total=False):
    """Where it happened, and the user that the event names."""

    chat: Sparse[Chat]
    user: Sparse[User]


class _OnMessage(Scene, total=False):
    message: Required[Message]


class _OnDeletion(Scene, total=False):
    messageId: Required[Id]


class _OnReaction(_OnMessage, total=False):
    reaction: Required[Word]
    action: Required[Word]


_read_message: Final = reader(_OnMessage)
_read_deletion: Final = reader(_OnDeletion)
_read_reaction: Final = reader(_OnReaction)

_REACTED: Final[dict[str, Kind]] = {"add": "reaction_added", "delete": "reaction_removed"}


def posted(event: Event) -> Decoded:
    """Decode `…MESSAGEADD`."""
    sent = _read_message(event.payload)["data"]
    told = told_of(event, sent, sent["message"])
    state_posting(told, sent["message"], sent["user"])
    return told.decoded()


def edited(event: Event) -> Decoded:
    """Decode `…MESSAGEUPDATE`."""
    envelope = _read_message(event.payload)
    sent, actor = envelope["data"], envelope["auth"]["user_id"]
    message = sent["message"]
    detail = _contents(message)
    if message["date"] is not None:
        detail["posted_at"] = message["date"]
    if actor:
        detail["actor"] = actor
    told = told_of(event, sent, message)
    told.state(
        "message_edited",
        message_id=message["id"],
        user_id=_author(message, sent["user"]),
        text=message["text"],
        code=code_of(message["params"]) if _is_system(message) else None,
        detail=detail,
    )
    return told.decoded()


def deleted(event: Event) -> Decoded:
    """Decode `…MESSAGEDELETE`: it carries no text and no message."""
    envelope = _read_deletion(event.payload)
    sent, actor = envelope["data"], envelope["auth"]["user_id"]
    told = told_of(event, sent)
    told.state(
        "message_deleted",
        message_id=sent["messageId"],
        user_id=sent["user"]["id"],
        detail={"actor": actor} if actor else None,
    )
    return told.decoded()


def reacted(event: Event) -> Decoded:
    """Decode `…REACTIONCHANGE`. The message's text is seen on the way."""
    sent = _read_reaction(event.payload)["data"]
    message, user = sent["message"], sent["user"]["id"]
    kind = _REACTED.get(sent["action"])
    if kind is None:
        raise Undecodable("unknown reaction action")
    if not user:
        raise Undecodable("data.user.id: nobody reacted")
    told = told_of(event, sent, message)
    told.state(
        kind,
        message_id=message["id"],
        user_id=user,
        text=message["text"],
        code=_lower_camel(sent["reaction"]),
        detail=seen_on(message),
    )
    return told.decoded()


def told_of(event: Event, scene: Scene, message: Message | None = None) -> Testimony:
    """Open the testimony of an event: the chat and the user that it names."""
    chat, user = scene["chat"], scene["user"]
    chat_id = chat["id"] or (message and message["chatId"]) or chat_of_dialog(chat["dialogId"])
    return Testimony(
        event,
        testimony.Chat(
            chat_id,
            None if _is_private(chat) else chat["name"],
            chat["type"] or None,
            chat["messageType"] or None,
            chat["owner"] or None,
            chat["entityType"],
            chat["entityId"],
            chat["parentChatId"] or None,
            chat["parentMessageId"] or None,
        )
        if chat_id
        else None,
        testimony.User(
            user["id"],
            user["name"] or None,
            user["workPosition"],
            testimony.kind(user["bot"]),
        )
        if user["id"]
        else None,
    )


def state_posting(told: Testimony, message: Message, user: User) -> None:
    """State that the message was posted, and who left if that is what it says."""
    at, text = message["date"], message["text"]
    code = code_of(message["params"]) if _is_system(message) else None
    told.state(
        "message_posted",
        message_id=message["id"],
        user_id=_author(message, user),
        at=at,
        text=text,
        code=code,
        detail=_contents(message),
    )
    gone = leaver(code, text)
    if gone and told.chat_id:
        told.state("member_left", user_id=gone, at=at)


def seen_on(message: Message) -> dict[str, Any]:
    """What another fact lets us see of a message's origin."""
    seen = {"author": message["authorId"], "posted_at": message["date"]}
    return {key: value for key, value in seen.items() if value is not None}


def _author(message: Message, user: User) -> int | None:
    author = message["authorId"]
    return user["id"] if author is None else author


def _is_system(message: Message) -> bool:
    claimed = message["isSystem"]
    return message["authorId"] == 0 if claimed is None else claimed


def _is_private(chat: Chat) -> bool:
    """Whether the chat's name is only its reader's view of the other one (reference, trap 14)."""
    if chat["type"] or chat["messageType"]:
        return chat["type"] == "private" or chat["messageType"] == "P"
    return id_in(chat["dialogId"]) is not None


def _contents(message: Message) -> dict[str, Any]:
    """What a posting or an edit says beside its text."""
    params, forward = message["params"], forwarded(message["forward"])
    contents: dict[str, Any] = {}
    if _is_system(message):
        contents["system"] = True
    if files := known_by_id(params["file_id"]):
        contents["files"] = files
    if reply := replied_to(params):
        contents["reply_to"] = {"message_id": reply, "author_id": None, "text": None}
    if forward:
        contents["forward"] = forward
    if is_attached(params):
        contents["attached"] = True
    return contents


def forwarded(sent: Forward) -> dict[str, Any] | None:
    """What a message forwards, or None."""
    chat_id, message_id, author_id = sent["chatId"] or None, _id_of(sent["id"]), sent["userId"]
    if chat_id is None and message_id is None and author_id is None:
        return None
    return {"chat_id": chat_id, "message_id": message_id, "author_id": author_id}


def _id_of(sent: Any) -> int | None:
    """The message id in `190390`, "190390" or "chat2201/190390"."""
    if isinstance(sent, str):
        return id_in(sent.rpartition("/")[2])
    fits = isinstance(sent, int) and not isinstance(sent, bool) and 0 < sent <= MAX_ID
    return sent if fits else None


def _lower_camel(code: str) -> str:
    """Spell `FACE_WITH_TEARS_OF_JOY`, the product's own form, as events do (reference, 3.7)."""
    if "_" not in code and not code.isupper():
        return code
    first, *rest = code.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
