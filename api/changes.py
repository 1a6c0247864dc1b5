"""What changed: edits, deletions, reactions, joins, leaves and new names, by position."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, cast

from api import models
from api.coverage import tell_of_chat, tell_of_portal
from api.feeds import Item
from api.followed import Followed
from api.models import Listed
from api.queries import ChangesQuery
from api.read import ReadList
from api.shapes import identifier, not_before
from api.state import State
from api.times import shown
from eventstore.directory import Portal
from projections.changes import Change
from projections.read import changes

_WINDOW: Final = 500
"""Positions that are read at once."""

_SIZE: Final = 512
"""Bytes that the changes of a position take: few have more than one."""


async def page(read: ReadList[ChangesQuery]) -> Listed[models.Change]:
    """What changed behind a position, ascending."""
    began_at = read.began_at()
    after, skip = read.key([read.query.after or 0, 0])
    found: list[Change] = []
    while after < began_at and len(found) < skip + read.fetch:
        after = await changes.place_before(
            read.session,
            read.portal_id,
            among=range(after + 1, began_at + 1),
            kinds=read.query.kinds,
            chat_id=read.query.chat,
        )
        upto = min(after + _WINDOW, began_at)
        changed = await changes.between(read.session, read.portal_id, after=after, upto=upto)
        found += [change for change in changed if is_wanted(change, read.query)]
        after = upto
    if read.query.chat is None:
        await tell_of_portal(read)
    else:
        await tell_of_chat(read, read.query.chat)
    listed, more = read.cut(found[skip:], lambda change: _place(change, found))
    return read.page([of_change(change) for change in listed], more)


def _place(last: Change, found: list[Change]) -> list[int]:
    """Return the place behind a change: a position may have changed more than a page shows."""
    alike = [change for change in found if change.position == last.position]
    return [last.position - 1, 1 + next(at for at, each in enumerate(alike) if each is last)]


def is_wanted(change: Change, query: ChangesQuery) -> bool:
    """Say whether a request asks for this change."""
    return (
        (query.kinds is None or change.kind in query.kinds)
        and (query.chat is None or change.chat_id == query.chat)
        and (query.as_of is None or (change.at is not None and change.at <= query.as_of))
    )


def of_change(change: Change) -> models.Change:
    """Show a change."""
    said: dict[str, Any] = {
        "position": change.position,
        "kind": change.kind,
        "at": shown(change.at),
        "basis": change.basis,
        "chat_id": identifier(change.chat_id),
        "message_id": identifier(change.message_id),
        "user_id": identifier(change.user_id),
    }
    said |= not_before(change.after)
    if change.version is not None:
        said["version"] = change.version
    if change.kind in {"edited", "deleted"}:
        said |= {"by": identifier(change.by), "by_basis": change.by_basis}
    if change.kind == "reaction":
        said |= {"code": change.code, "action": change.action}
    if change.rename is not None:
        rename = change.rename
        said |= {"subject": rename.subject[0], "from": rename.was, "to": rename.now}
    return cast(models.Change, said)


@dataclass(frozen=True)
class Projected:
    """What is projected of a portal, and what that changed."""

    state: State
    portal: Portal

    def newest(self) -> int:
        return self.state.live.projected(self.portal.id)

    async def wait(self, position: int, *, seconds: float) -> None:
        await self.state.live.wait_for(self.portal.id, position, seconds=seconds)

    async def read(self, after: int, upto: int) -> list[Item]:
        async with self.state.live.reading(self.portal.id) as session:
            changed = await changes.between(session, self.portal.id, after=after, upto=upto)
        return [
            Item(position, [*of_position], _SIZE)
            for position, of_position in groupby(changed, attrgetter("position"))
        ]


def _message(query: ChangesQuery, of_position: Sequence[Change]) -> models.Changed | None:
    wanted = [of_change(change) for change in of_position if is_wanted(change, query)]
    if not wanted:
        return None
    return models.Changed(position=of_position[0].position, changes=wanted)


ENDPOINTS = (
    Followed(
        "/v1/portals/{portal}/changes",
        ("messages:read",),
        ChangesQuery,
        Listed[models.Change],
        "What changed, by the position that told it first",
        page,
        Projected,
        _message,
    ),
)
