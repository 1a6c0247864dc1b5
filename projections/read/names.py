"""Reading what chats and users were called when some news came, to learn what that renamed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, select

from eventstore.database import Session, one_of
from projections.derive import subject
from projections.facts import Fact
from projections.read.then.spans import as_of
from projections.renames import Kind, Names, Subject, name_in
from projections.spans import Span
from projections.tables import profile, span
from projections.view import View

_CONTENTS: Final = select(profile.c.content).where(
    profile.c.portal_id == bindparam("portal_id"), one_of(profile.c.id, "profiles")
)
_OF_SUBJECTS: Final = (
    span.c.portal_id == bindparam("portal_id"),
    span.c.subject == bindparam("subject"),
    one_of(span.c.subject_id, "subject_ids"),
)
_SEEN_AS: Final = (
    select(span.c.subject_id, profile.c.id, profile.c.content)
    .distinct()
    .join(profile, (profile.c.portal_id == span.c.portal_id) & (profile.c.id == span.c.profile))
    .where(*_OF_SUBJECTS)
)
_SPANS: Final = select(span).where(*_OF_SUBJECTS, span.c.first_position <= bindparam("after"))


async def names_before(
    session: Session, portal_id: int, *, after: int, news: Sequence[Fact]
) -> Names:
    """Return what the chats and users that news name were called up to a position.

    Those that only ever had one name are left out: most of them.
    """
    chats = {each.chat_id for each in news if each.chat_id and each.chat_profile is not None}
    profiles = {each.user_profile for each in news if each.user_profile is not None}
    rows = await session.rows(_CONTENTS, portal_id=portal_id, profiles=sorted(profiles))
    users = {subject(content) for (content,) in rows}
    spans: dict[Subject, list[Span]] = {}
    contents: dict[int, str] = {}
    asked: dict[Kind, Collection[int]] = {"chat": chats, "user": users}
    for kind, ids in asked.items():
        seen_as = await _seen_as(session, portal_id, kind, ids)
        for subject_id, seen in seen_as.items():
            spans[kind, subject_id] = []
            contents |= seen
        for each in await _spans(session, portal_id, kind, seen_as, after):
            spans[kind, each.subject_id].append(each)
    return Names(spans, contents)


async def _seen_as(
    session: Session, portal_id: int, kind: Kind, ids: Collection[int]
) -> dict[int, dict[int, str]]:
    """Return the profiles that name those of these subjects who ever had several names."""
    if not ids:
        return {}
    found: defaultdict[int, dict[int, str]] = defaultdict(dict)
    values = {"portal_id": portal_id, "subject": kind, "subject_ids": sorted(ids)}
    for subject_id, named, content in await session.rows(_SEEN_AS, **values):
        if name_in(kind, content) is not None:
            found[subject_id][named] = content
    return {
        subject_id: seen
        for subject_id, seen in found.items()
        if len({name_in(kind, content) for content in seen.values()}) > 1
    }


async def _spans(
    session: Session,
    portal_id: int,
    kind: Kind,
    seen_as: Mapping[int, Mapping[int, str]],
    after: int,
) -> list[Span]:
    """Return the spans of these profiles as they were known at a position."""
    if not seen_as:
        return []
    values = {
        "portal_id": portal_id,
        "subject": kind,
        "subject_ids": sorted(seen_as),
        "after": after,
    }
    begun = [Span._make(row) for row in await session.rows(_SPANS, **values)]
    named = [each for each in begun if each.profile in seen_as[each.subject_id]]
    return await as_of(session, View(after), named)
