"""What changed: edits, deletions, reactions, joins, leaves and new names, by position."""

from time import monotonic
from typing import Any, Final, cast

from api import models
from api.endpoint import Endpoint, ReadList
from api.models import Listed
from api.queries import ChangesQuery
from api.shapes import identifier
from api.times import shown
from projections.changes import Change
from projections.read import changes

_WINDOW: Final = 500
"""Positions that are read at once."""

_PATIENCE: Final = 2.0
"""Seconds that changes are looked for. What is asked for may be rare, and the log is long."""


async def page(read: ReadList[ChangesQuery]) -> Listed[models.Change]:
    """What changed behind a position, ascending. A page that took long may be short, or empty."""
    began_at = read.began_at()
    after, skip = read.key([read.query.after or 0, 0])
    until = monotonic() + _PATIENCE
    found: list[Change] = []
    while after < began_at and len(found) < skip + read.fetch and monotonic() < until:
        upto = min(after + _WINDOW, began_at)
        changed = await changes.between(read.session, read.portal_id, after=after, upto=upto)
        found += [change for change in changed if is_wanted(change, read.query)]
        after = upto
    listed, more = read.cut(found[skip:], lambda change: _place(change, found))
    if more is None and after < began_at:
        more = [after, 0]
    return read.page([of_change(change) for change in listed], more)


def _place(last: Change, found: list[Change]) -> list[int]:
    """Return the place behind a change: a position may have changed more than a page shows."""
    alike = [change for change in found if change.position == last.position]
    return [last.position - 1, 1 + next(at for at, each in enumerate(alike) if each is last)]


def is_wanted(change: Change, query: ChangesQuery) -> bool:
    """Say whether a request asks for this change."""
    return (query.kinds is None or change.kind in query.kinds) and (
        query.chat is None or change.chat_id == query.chat
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


ENDPOINTS = (
    Endpoint(
        "/v1/portals/{portal}/changes",
        ("messages:read",),
        ChangesQuery,
        Listed[models.Change],
        "What changed, by the position that told it first",
        page,
    ),
)
