"""From the rows of messages, and what belongs beside them, to their answers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from api import models
from api.read import Read
from api.shapes import identifier, not_before, person, when
from api.text_forms import Shown, put_in_form
from api.times import shown
from eventstore.event import Instant
from projections.facts import Basis
from projections.messages import MessageRow
from projections.read.beside import Beside
from projections.read.messages import Quoted

Now = Mapping[int, Quoted] | None
"""What quoted messages are now, by id; None for who may see every text."""


async def shown_messages(
    read: Read[Any], rows: Sequence[MessageRow], form: models.TextForm | None
) -> list[models.Message]:
    """Show messages as a request may see them: many with the same few statements as one."""
    replies = [from_json(row.reply_to) if row.reply_to else None for row in rows]
    found = await read.reader.beside(rows)
    everything = read.access.sees_deleted and not read.access.limits.narrowed
    now = None if everything else await _quoted(read, replies)
    stand = await standing_texts(read, rows)
    if read.access.sees_deleted:
        stand = {row.message_id for row in rows}
    shown = [
        _message(row, reply, found, now, stands=row.message_id in stand)
        for row, reply in zip(rows, replies, strict=True)
    ]
    if form is not None:
        await put_in_form(read.reader, form, _texts(rows, shown))
        for message in shown:
            message["text_form"] = form
    return shown


def _texts(rows: Sequence[MessageRow], shown: Sequence[models.Message]) -> Iterator[Shown]:
    for row, message in zip(rows, shown, strict=True):
        yield Shown(message, row.edited_at or row.posted_at)
        if message["reply_to"]:
            yield Shown(message["reply_to"], row.posted_at)


async def standing_texts(read: Read[Any], rows: Sequence[MessageRow]) -> Collection[int]:
    """Return which of these messages say what anybody may read: a text that stands until now.

    As of a moment, a text may be asked for that was taken back since.
    """
    live = {row.message_id for row in rows if row.state == "live"}
    if read.view is None or read.access.sees_deleted:
        return live
    now = await read.now.quoted(live)
    return {
        row.message_id
        for row in rows
        if row.message_id in live and now.get(row.message_id) == Quoted("live", row.text)
    }


async def _quoted(read: Read[Any], replies: Collection[Any]) -> Mapping[int, Quoted]:
    ids = {reply["message_id"] for reply in replies if reply and reply["text"] is not None}
    ids.discard(None)
    return await read.now.quoted(ids) if ids else {}


def _message(
    row: MessageRow, reply: Any, found: Beside, now: Now, *, stands: bool
) -> models.Message:
    withheld = not stands and row.text is not None
    held = found.reactions.get(row.message_id, {})
    return {
        "id": str(row.message_id),
        "chat_id": identifier(row.chat_id),
        "author": person(row.author_id, found.names, system=bool(row.system)),
        "text": None if withheld else row.text,
        "withheld": "scope" if withheld else None,
        "state": row.state,
        "version": row.versions,
        "versions": row.versions,
        "system": bool(row.system),
        "posted": when(row.posted_at, row.posted_basis),
        "edited": _deed(
            row.edited_at,
            row.edited_after,
            row.edited_basis,
            row.edited_by,
            row.edited_by_basis,
        ),
        "deleted": _deed(
            row.deleted_at,
            row.deleted_after,
            row.deleted_basis,
            row.deleted_by,
            row.deleted_by_basis,
        ),
        "reply_to": _reply(reply, now) if reply else None,
        "forward": _forward(from_json(row.forward)) if row.forward else None,
        "thread": _thread(row, found),
        "files": [_file(file) for file in from_json(row.files)] if row.files != "[]" else [],
        "reactions": [_reaction(code, held[code]) for code in sorted(held)],
        "provenance": {
            "first_position": row.first_position,
            "last_position": row.last_position,
            "witnesses": from_json(row.witnesses),
        },
    }


def _deed(
    at: Instant | None,
    after: Instant | None,
    basis: Basis | None,
    by: int | None,
    by_basis: Basis | None,
) -> models.Deed | None:
    if basis is None:
        return None
    return {
        "at": shown(at),
        "basis": basis,
        "by": identifier(by),
        "by_basis": by_basis or "unknown",
        **not_before(after),
    }


def _reply(reply: Any, now: Now) -> models.Reply:
    return models.Reply(
        message_id=identifier(reply["message_id"]),
        author_id=identifier(reply["author_id"]),
        text=reply["text"] if now is None or _may_be_quoted(reply, now) else None,
    )


def _may_be_quoted(reply: Any, quoted: Mapping[int, Quoted]) -> bool:
    """Say whether a quote tells nothing that its message, asked for itself, would withhold.

    A quote of nobody knows which message might be of a deleted one.
    """
    if reply["text"] is None or reply["message_id"] is None:
        return False
    now = quoted.get(reply["message_id"])
    return now is None or (now.state == "live" and reply["text"] in (now.text or ""))


def _forward(forward: Any) -> models.Forward:
    return models.Forward(
        chat_id=identifier(forward["chat_id"]),
        message_id=identifier(forward["message_id"]),
        author_id=identifier(forward["author_id"]),
    )


def _file(file: Any) -> models.File:
    return models.File(
        id=identifier(file["id"]), name=file["name"], type=file["type"], size=file["size"]
    )


def _reaction(code: str, user_ids: Sequence[int]) -> models.Reaction:
    return models.Reaction(
        code=code, count=len(user_ids), user_ids=[str(user_id) for user_id in sorted(user_ids)]
    )


def _thread(row: MessageRow, found: Beside) -> models.Thread | None:
    """Name the comments on a message, else the comments that it is one of."""
    chat_id = found.comments.get(row.message_id)
    if chat_id is None and row.chat_id in found.threads:
        chat_id = row.chat_id
    return None if chat_id is None else models.Thread(chat_id=str(chat_id))
