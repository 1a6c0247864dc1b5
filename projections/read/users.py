"""Reading users: their names, and what their profiles showed when."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from sqlalchemy import bindparam, select

from eventstore.database import Session, one_of
from eventstore.event import Instant
from projections.profiles import UserRow, UserVersionRow, user_profile, user_profile_version

_PORTAL: Final = user_profile.c.portal_id == bindparam("portal_id")
_ONE: Final = select(user_profile).where(_PORTAL, user_profile.c.user_id == bindparam("user_id"))
_NAMES: Final = select(user_profile.c.user_id, user_profile.c.name, user_profile.c.kind).where(
    _PORTAL, one_of(user_profile.c.user_id, "user_ids")
)
_VERSIONS: Final = (
    select(user_profile_version)
    .where(
        user_profile_version.c.portal_id == bindparam("portal_id"),
        user_profile_version.c.user_id == bindparam("user_id"),
    )
    .order_by(user_profile_version.c.version)
)

_NAMES_SEEN: Final = (
    select(
        user_profile_version.c.user_id, user_profile_version.c.from_at, user_profile_version.c.name
    )
    .where(
        user_profile_version.c.portal_id == bindparam("portal_id"),
        one_of(user_profile_version.c.user_id, "user_ids"),
    )
    .order_by(user_profile_version.c.user_id, user_profile_version.c.version)
)


class Named(NamedTuple):
    """A user's name and kind, as seen last."""

    name: str | None
    kind: Literal["user", "bot"] | None


NamesSeen = Mapping[int, Sequence[tuple[Instant, str | None]]]
"""What users were called from which moment on, oldest first."""

UNSEEN: Final = Named(None, None)
"""A user of whom no profile was seen."""


async def one(session: Session, portal_id: int, user_id: int) -> UserRow | None:
    """Return a user, if their profile was ever seen."""
    rows = await session.rows(_ONE, portal_id=portal_id, user_id=user_id)
    return UserRow._make(rows[0]) if rows else None


async def names(session: Session, portal_id: int, user_ids: Collection[int]) -> dict[int, Named]:
    """Return the names of these users; those whose profile was never seen are left out."""
    rows = await session.rows(_NAMES, portal_id=portal_id, user_ids=sorted(user_ids))
    return {user_id: Named(name, kind) for user_id, name, kind in rows}


async def names_seen(session: Session, portal_id: int, user_ids: Collection[int]) -> NamesSeen:
    """Return what these users were called."""
    rows = await session.rows(_NAMES_SEEN, portal_id=portal_id, user_ids=sorted(user_ids))
    seen: defaultdict[int, list[tuple[Instant, str | None]]] = defaultdict(list)
    for user_id, from_at, name in rows:
        seen[user_id].append((from_at, name))
    return seen


async def versions(session: Session, portal_id: int, user_id: int) -> list[UserVersionRow]:
    """Return what a user's profile showed, oldest first."""
    rows = await session.rows(_VERSIONS, portal_id=portal_id, user_id=user_id)
    return [UserVersionRow._make(row) for row in rows]
