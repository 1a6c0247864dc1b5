"""Users as of a moment: their names, and what their profiles had shown."""

from collections.abc import Collection, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from pydantic_core import from_json
from sqlalchemy import func, select

from eventstore.database import Row, Session, one_of
from projections.profiles import UserRow, UserRows, user_rows
from projections.read.then.spans import BEGUN, OF_SUBJECTS, as_of, by_subject, contents_of
from projections.read.users import Named
from projections.spans import Span
from projections.tables import profile, span
from projections.view import View

_PROFILES: Final = (
    # A name is seen on each of many days: most users have had one all the time.
    select(
        span.c.subject_id,
        span.c.profile,
        func.min(span.c.first_at),
        func.max(span.c.last_at),
        func.min(span.c.first_position),
        func.max(span.c.last_position),
        profile.c.content,
    )
    .join(profile, (profile.c.portal_id == span.c.portal_id) & (profile.c.id == span.c.profile))
    .where(*BEGUN, span.c.subject == "user", one_of(span.c.subject_id, "user_ids"))
    .group_by(span.c.subject_id, span.c.profile, profile.c.content)
    .order_by(span.c.subject_id)
)


class Users:
    """The users of one portal in one view."""

    def __init__(self, session: Session, portal_id: int, view: View) -> None:
        self._session = session
        self._portal_id = portal_id
        self._view = view

    async def folded(self, user_ids: Collection[int]) -> dict[int, UserRows]:
        """Return the rows of those of these users whose profile was seen."""
        rows = await self._session.rows(
            OF_SUBJECTS,
            portal_id=self._portal_id,
            subject="user",
            subject_ids=sorted(user_ids),
            **self._view.bounds,
        )
        seen = await as_of(self._session, self._view, [Span._make(row) for row in rows])
        contents = await contents_of(self._session, self._portal_id, seen)
        return {each: user_rows(spans, contents) for each, spans in by_subject(seen).items()}

    async def names(self, user_ids: Collection[int]) -> dict[int, Named]:
        """Return the names of these users; those whose profile was never seen are left out."""
        if not user_ids:
            return {}
        rows = await self._session.rows(
            _PROFILES, portal_id=self._portal_id, user_ids=sorted(user_ids), **self._view.bounds
        )
        known: dict[int, UserRow | None] = {}
        unclear: set[int] = set()
        for user_id, profiles in groupby(rows, itemgetter(0)):
            seen = [*profiles]
            if _agree(seen) and all(self._surely_begun(row) for row in seen):
                known[user_id] = _in_any_order(self._portal_id, seen)
            else:
                unclear.add(user_id)
        if unclear:
            folded = await self.folded(unclear)
            known.update({each: rows.user for each, rows in folded.items()})
        return {each: _named(row) for each, row in known.items() if row}

    def _surely_begun(self, row: Row) -> bool:
        """Say whether one bound at most cuts what is known of a profile: then some of it is."""
        last_at, last_position = row[3], row[5]
        return bool(last_at <= self._view.time or last_position <= self._view.position)


def _agree(rows: Sequence[Row]) -> bool:
    """Say whether all profiles of a user have the same name: then their order tells nothing."""
    if len(rows) == 1:
        return True
    contents = [from_json(row[-1]) for row in rows]
    return len({content["name"] for content in contents if "name" in content}) <= 1


def _in_any_order(portal_id: int, rows: Sequence[Row]) -> UserRow | None:
    spans = [Span(portal_id, "user", row[0], 0, row[1], 0, *row[2:6]) for row in rows]
    return user_rows(spans, {row[1]: row[-1] for row in rows}).user


def _named(row: UserRow) -> Named:
    return Named(row.name, row.kind)  # type: ignore[arg-type]
