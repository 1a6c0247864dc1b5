"""Messages across chats; and of one its state, its versions, its reactions and its events."""

from typing import Any

from api import models, shapes
from api.across_chats import messages_across_chats
from api.coverage import tell_of_messages
from api.diffs import add_diffs
from api.endpoint import Endpoint
from api.message_shape import shown_messages, standing_texts
from api.models import Listed, One
from api.queries import IntervalsQuery, MessageQuery, MessagesQuery, Paged, VersionsQuery
from api.read import Read, ReadList, no_such
from api.text_forms import Shown, put_in_form
from eventstore import log
from eventstore.event import Event
from projections.messages import MessageRow, VersionRow
from projections.read import reactions
from projections.read.reactions import ReactionKey


async def one(read: Read[MessageQuery]) -> One[models.Message]:
    """What a message is."""
    row = await _known(read)
    await _tell(read, row)
    shown = await shown_messages(read, [row], read.query.render)
    return read.one(shown[0])


async def versions(read: ReadList[VersionsQuery]) -> Listed[models.Version]:
    """Every text that a message had, oldest to newest."""
    row = await _known(read)
    await _tell(read, row)
    skip = read.key([0])[0]
    before = int(bool(read.query.diff) and skip > 0)  # the first of a page differs from that
    found = await read.reader.versions(
        row.message_id, skip=skip - before, limit=read.fetch + before
    )
    stands = row.message_id in await standing_texts(read, [row])

    def show(version: VersionRow) -> models.Version:
        current = stands and version.version == row.versions
        return shapes.version(version, visible=current or read.access.sees_deleted)

    page, more = read.cut(found[before:], lambda _: [skip + read.limit])
    shown = [show(version) for version in page]
    if read.query.diff:
        await add_diffs([*map(show, found[:before]), *shown])
    if read.query.render:
        texts = [Shown(part, version.from_at) for part, version in zip(shown, page, strict=True)]
        await put_in_form(read.reader, read.query.render, texts)
        for part in shown:
            part["text_form"] = read.query.render
    return read.page(shown, more)


async def held_reactions(read: ReadList[IntervalsQuery]) -> Listed[models.ReactionInterval]:
    """Who held which reaction on a message, from when until when."""
    found = await read.reader.reactions(
        read.ids["message"],
        held=read.query.view == "current",
        key=ReactionKey(*read.key(reactions.FIRST)),
        limit=read.fetch,
    )
    await _tell(read, await _known(read))
    return read.listed(found, lambda row: [row.user_id, row.code, row.ordinal], shapes.reaction)


async def events(read: ReadList[Paged]) -> Listed[models.Witnessing]:
    """Every event of the log that tells of a message, ascending."""
    positions = await read.reader.provenance(
        read.ids["message"], after=read.key([0])[0], limit=read.fetch
    )
    await _tell(read, await _known(read))
    async with read.state.log.reading() as session:
        found = await log.events_at(session, read.portal_id, positions)
    readable = "events:read" in read.access.scopes and not read.access.limits.narrowed

    def show(event: Event) -> models.Witnessing:
        shown = shapes.log_event(event, readable=readable)
        return models.Witnessing(**shown, withheld=None if readable else "scope")

    return read.listed(found, lambda event: [event.position], show)


async def _tell(read: Read[Any], row: MessageRow) -> None:
    await tell_of_messages(read, row.chat_id, [row])


async def _known(read: Read[Any]) -> MessageRow:
    row = await read.reader.message(read.ids["message"])
    if row is None:
        raise no_such("message")
    return row


_ONE = "/v1/portals/{portal}/messages/{message}"
_SCOPES = ("messages:read",)

ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/messages",
        _SCOPES,
        MessagesQuery,
        Listed[models.Hit],
        "Messages across chats, by id; or a search in their texts",
        messages_across_chats,
        narrows=True,
    ),
    Endpoint(
        _ONE,
        _SCOPES,
        MessageQuery,
        One[models.Message],
        "What a message is, or was",
        one,
        narrows=True,
    ),
    Endpoint(
        f"{_ONE}/versions",
        _SCOPES,
        VersionsQuery,
        Listed[models.Version],
        "Every text that a message had, oldest to newest",
        versions,
        narrows=True,
    ),
    Endpoint(
        f"{_ONE}/reactions",
        _SCOPES,
        IntervalsQuery,
        Listed[models.ReactionInterval],
        "Who holds, or held, which reaction on a message",
        held_reactions,
        narrows=True,
    ),
    Endpoint(
        f"{_ONE}/events",
        _SCOPES,
        Paged,
        Listed[models.Witnessing],
        "Provenance: every event of the log that tells of a message",
        events,
        narrows=True,
    ),
)
