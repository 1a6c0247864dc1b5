"""Members of a chat: who, since when, on what evidence."""

from api import models, shapes
from api.coverage import tell_of_members
from api.endpoint import Endpoint
from api.models import Listed
from api.queries import IntervalsQuery
from api.read import ReadList, no_such
from projections.members import MemberRow
from projections.read import members
from projections.read.members import MemberKey


async def intervals(read: ReadList[IntervalsQuery]) -> Listed[models.Member]:
    """Who is, or was, in a chat, by user."""
    found = await read.reader.members(
        read.ids["chat"],
        current=read.query.view == "current",
        key=MemberKey(*read.key(members.FIRST)),
        limit=read.fetch,
    )
    if not found and not await read.reader.chat_exists(read.ids["chat"]):
        raise no_such("chat")
    await tell_of_members(read, read.ids["chat"])
    names = await read.reader.names({row.user_id for row in found})

    def show(row: MemberRow) -> models.Member:
        return shapes.member(row, names)

    return read.listed(found, lambda row: [row.user_id, row.ordinal], show)


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/chats/{chat}/members",
        ("messages:read",),
        IntervalsQuery,
        Listed[models.Member],
        "Who is, or was, in a chat, and how that is known",
        intervals,
        narrows=True,
    ),
)
