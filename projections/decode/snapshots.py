"""Snapshots: what Chronicle read over REST, told by events of its own (`eventstore.own_events`).

A snapshot tells how things were at one moment, and never since when. Both spellings of REST are
understood: `author_id` and upper-case parameters of the older methods, `authorId` of v2.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Required

from typing_extensions import TypedDict

from eventstore.event import Event
from eventstore.own_events import MEMBERS_READ, MESSAGES_READ
from projections.decode import testimony
from projections.decode.leaving import leaver
from projections.decode.legacy_fields import File
from projections.decode.params import Params, code_of, is_attached, known_by_id, replied_to
from projections.decode.testimony import Testimony
from projections.decode.v2 import Forward, forwarded
from projections.decode.wire import (
    Flag,
    Folded,
    Id,
    Listed,
    Moment,
    OptionalId,
    Sparse,
    Text,
    reader,
)
from projections.facts import Decoded

_NOTICE: Final = re.compile(
    r"Message from [\d/.:\- ]{8,30}(?:[ap]m )?has been deleted", re.IGNORECASE
)
"""What stands where the text of a deleted message was, in English (reference, 1.3.4)."""


class _Params(Params, total=False):
    is_deleted: Listed[Flag]


class _Message(TypedDict, total=False):
    id: Required[Id]
    author_id: OptionalId
    authorId: OptionalId
    date: Moment
    text: Text
    isSystem: Flag
    forward: Sparse[Forward]
    params: Folded[_Params]


class _User(TypedDict, total=False):
    id: OptionalId
    name: Text
    work_position: Text
    workPosition: Text
    bot: Flag


_MessagesRead = TypedDict(
    "_MessagesRead",
    {
        "chatId": Required[Id],
        "from": OptionalId,
        "to": OptionalId,
        "known": Listed[Id],
        "messages": Listed[_Message],
        "users": Listed[_User],
        "files": Listed[File],
    },
    total=False,
)


class _MembersRead(TypedDict, total=False):
    chatId: Required[Id]
    known: Listed[Id]
    members: Listed[Id]
    users: Listed[_User]


_read_messages: Final = reader(_MessagesRead)
_read_members: Final = reader(_MembersRead)


def _messages(event: Event) -> Decoded:
    """Decode a page of messages, and those that should be on it and are not."""
    sent = _read_messages(event.payload)["data"]
    told = Testimony(event, chat_id=sent["chatId"])
    seen = _named(told, sent["users"])
    files = {file["id"]: file for file in sent["files"]}
    for message in sent["messages"]:
        author = _author(message)
        _state_message(told, message, author, seen.get(author), files)
    given = {message["id"] for message in sent["messages"]}
    for gone in _vouched(sent["known"], sent["from"], sent["to"]):
        if gone not in given:
            told.state(
                "message_observed", message_id=gone, detail={"gone": True}, basis="rest_snapshot"
            )
    return told.decoded()


def _state_message(
    told: Testimony,
    message: _Message,
    author: int | None,
    user_profile: int | None,
    files: Mapping[int, File],
) -> None:
    system = _is_system(message, author)
    code = code_of(message["params"]) if system else None
    text = None if _is_notice(message) else message["text"]
    told.state(
        "message_observed",
        message_id=message["id"],
        user_id=author,
        text=text,
        code=code,
        detail=_contents(message, files, system=system),
        basis="rest_snapshot",
        user_profile=user_profile,
    )
    gone = leaver(code, text)
    if gone and message["date"] is not None:
        told.state("member_left", user_id=gone, at=message["date"], basis="observed")


def _members(event: Event) -> Decoded:
    """Decode a list of members, and who should be on it and is not.

    An empty one says that the reader may not know (reference, section 7).
    """
    sent = _read_members(event.payload)["data"]
    told = Testimony(event, chat_id=sent["chatId"])
    seen = _named(told, sent["users"])
    members = dict.fromkeys(sent["members"])
    for user in {**members, **dict.fromkeys(sent["known"])} if members else ():
        told.state(
            "member_observed",
            user_id=user,
            code="present" if user in members else "absent",
            basis="rest_snapshot",
            user_profile=seen.get(user),
        )
    return told.decoded()


def _named(told: Testimony, users: Iterable[_User]) -> dict[int | None, int | None]:
    """Name the profiles of users, by their ids."""
    return {
        user["id"]: told.see(
            testimony.User(
                user["id"],
                user["name"] or None,
                user["workPosition"] if user["work_position"] is None else user["work_position"],
                testimony.kind(user["bot"]),
            )
        )
        for user in users
        if user["id"]
    }


def _vouched(known: Iterable[int], begin: int | None, end: int | None) -> list[int]:
    """Give the messages that would be there, if they were not gone."""
    if begin is None or end is None:
        return []
    return [each for each in dict.fromkeys(known) if begin <= each <= end]


def _author(message: _Message) -> int | None:
    author = message["author_id"]
    return message["authorId"] if author is None else author


def _is_system(message: _Message, author: int | None) -> bool:
    claimed = message["isSystem"]
    return author == 0 if claimed is None else claimed


def _is_notice(message: _Message) -> bool:
    if any(message["params"]["is_deleted"]):
        return True
    return _NOTICE.fullmatch(message["text"] or "") is not None


def _contents(message: _Message, files: Mapping[int, File], *, system: bool) -> dict[str, Any]:
    """What was seen of a message beside its text."""
    params, forward = message["params"], forwarded(message["forward"])
    contents: dict[str, Any] = {}
    if message["date"] is not None:
        contents["posted_at"] = message["date"]
    if _is_notice(message):
        contents["deleted"] = True
        return contents
    if system:
        contents["system"] = True
    if attached := known_by_id(params["file_id"]):
        contents["files"] = [_described(file, files) for file in attached]
    if reply := replied_to(params):
        contents["reply_to"] = {"message_id": reply, "author_id": None, "text": None}
    if forward:
        contents["forward"] = forward
    if is_attached(params):
        contents["attached"] = True
    return contents


def _described(file: dict[str, Any], files: Mapping[int, File]) -> dict[str, Any]:
    known = files.get(file["id"])
    if known is None:
        return file
    return {
        "id": file["id"],
        "name": known["name"] or None,
        "type": known["type"] or None,
        "size": known["size"],
    }


DECODERS: Final[Mapping[str, Callable[[Event], Decoded]]] = {
    MESSAGES_READ: _messages,
    MEMBERS_READ: _members,
}
