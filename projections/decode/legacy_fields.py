"""The fields of the legacy family that mean something to us."""

from typing import Required

from typing_extensions import TypedDict

from projections.decode.params import Params
from projections.decode.wire import (
    Flag,
    Folded,
    Id,
    Listed,
    OptionalId,
    Presence,
    Sparse,
    Text,
    Word,
)


class File(TypedDict, total=False):
    """A file with its description."""

    id: Required[Id]
    name: Text
    type: Text
    size: OptionalId


class Reply(TypedDict, total=False):
    """The message that is answered, quoted."""

    ID: OptionalId
    AUTHOR_ID: OptionalId
    MESSAGE: Text


class ChatFields(TypedDict, total=False):
    """What `PARAMS` says of the chat, in every event that has it."""

    CHAT_ID: OptionalId
    TO_CHAT_ID: OptionalId
    DIALOG_ID: Text
    MESSAGE_TYPE: Text
    CHAT_TYPE: Text
    CHAT_TITLE: Text
    CHAT_AUTHOR_ID: OptionalId
    CHAT_ENTITY_TYPE: Text
    CHAT_ENTITY_ID: Text
    CHAT_PARENT_ID: OptionalId
    CHAT_PARENT_MID: OptionalId


class MessageFields(ChatFields, total=False):
    """What `PARAMS` says of a message: the portal's own field array (reference, 1.3.2)."""

    MESSAGE_ID: OptionalId
    ID: OptionalId
    AUTHOR_ID: OptionalId
    FROM_USER_ID: OptionalId
    MESSAGE: Text
    MESSAGE_ORIGINAL: Text
    SYSTEM: Flag
    PARAMS: Folded[Params]
    REPLY_MESSAGE: Sparse[Reply]
    FILES: Listed[File]
    ATTACH: Presence
    URL_ATTACH: Presence
    KEYBOARD: Presence
    MENU: Presence


class JoiningFields(ChatFields, total=False):
    """What `PARAMS` says of a joining."""

    BOT_ID: Required[Id]
    USER_ID: OptionalId


class UserFields(TypedDict, total=False):
    """A user; absent in groups, where `FROM_USER_ID` is not sent (reference, 1.3.2)."""

    ID: OptionalId
    NAME: Text
    WORK_POSITION: Text
    IS_BOT: Flag


class Command(TypedDict, total=False):
    """One call of one command."""

    BOT_ID: OptionalId
    COMMAND: Required[Word]
    COMMAND_PARAMS: Text
    COMMAND_CONTEXT: Text
    MESSAGE_ID: OptionalId


class OnMessage(TypedDict, total=False):
    """`data` of an event about a message."""

    PARAMS: Required[MessageFields]
    USER: Sparse[UserFields]


class OnJoining(TypedDict, total=False):
    """`data` of a joining."""

    PARAMS: Required[JoiningFields]
    USER: Sparse[UserFields]


class OnCommand(OnMessage, total=False):
    """`data` of a command event."""

    COMMAND: Listed[Command]


class OnBot(TypedDict, total=False):
    """`data` of the end of a bot."""

    BOT_ID: Required[Id]
