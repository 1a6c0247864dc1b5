"""The spans of a view: when something was seen first and last, of what was known then.

Spans that lie inside the view serve as they are. Those that its edge cuts are derived again, from
the facts of their positions: there is one a day of each profile at most.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, not_, or_, select

from eventstore.database import Session, one_of
from projections.facts import Fact
from projections.read.then.facts import KNOWN
from projections.spans import Span, Subject, gather
from projections.tables import fact, profile, span
from projections.view import View

INSIDE: Final[tuple[ColumnElement[bool], ...]] = (
    span.c.last_position <= bindparam("view_position"),
    span.c.last_at <= bindparam("view_time"),
)
"""The spans that a view knows all of."""

BEGUN: Final = (
    span.c.portal_id == bindparam("portal_id"),
    span.c.first_position <= bindparam("view_position"),
    span.c.first_at <= bindparam("view_time"),
)
OF_SUBJECTS: Final = select(span).where(
    *BEGUN, span.c.subject == bindparam("subject"), one_of(span.c.subject_id, "subject_ids")
)
PRESENCE: Final = select(span).where(
    *BEGUN,
    span.c.subject == "presence",
    span.c.subject_id == bindparam("chat_id"),
    one_of(span.c.user_id, "user_ids"),
)
CUT: Final = select(span).where(*BEGUN, span.c.subject == bindparam("subject"), not_(and_(*INSIDE)))
_CONTENTS: Final = select(profile.c.id, profile.c.content).where(
    profile.c.portal_id == bindparam("portal_id"), one_of(profile.c.id, "profiles")
)
_FACTS: Final = select(fact).where(
    fact.c.portal_id == bindparam("portal_id"), fact.c.position >= bindparam("first"), *KNOWN
)


def _seen_by(subject: Subject) -> ColumnElement[bool]:
    if subject == "chat":
        return one_of(fact.c.chat_profile, "profiles")
    if subject == "presence":
        return one_of(fact.c.chat_id, "chat_ids")
    if subject == "queue":
        return fact.c.kind == "queue_watched"
    # A bot is seen wherever it is the witness.
    return or_(one_of(fact.c.user_profile, "profiles"), one_of(fact.c.witness, "witnesses"))


_SEEN: Final = {
    subject: _FACTS.where(_seen_by(subject)) for subject in ("chat", "user", "presence", "queue")
}


def ends_inside(seen: Span, view: View) -> bool:
    """Say whether a view knows all of a span."""
    return seen.last_position <= view.position and seen.last_at <= view.time


async def as_of(session: Session, view: View, spans: Collection[Span]) -> list[Span]:
    """Return spans of one subject and one portal as a view knows them; some it does not."""
    cut = [seen for seen in spans if not ends_inside(seen, view)]
    whole = [seen for seen in spans if ends_inside(seen, view)]
    return [*whole, *await _derived(session, view, cut)] if cut else whole


async def _derived(session: Session, view: View, cut: Collection[Span]) -> Iterable[Span]:
    any_of_them = next(iter(cut))
    subject, portal_id = any_of_them.subject, any_of_them.portal_id
    profiles = sorted({seen.profile for seen in cut})
    given: Mapping[str, dict[str, list[Any]]] = {
        "chat": {"profiles": profiles},
        "user": {
            "profiles": profiles,
            "witnesses": sorted({f"bot:{seen.subject_id}" for seen in cut}),
        },
        "presence": {"chat_ids": sorted({seen.subject_id for seen in cut})},
        "queue": {},
    }
    last = min(view.position, max(seen.last_position for seen in cut))
    rows = await session.rows(
        _SEEN[subject],
        portal_id=portal_id,
        first=min(seen.first_position for seen in cut),
        **View(last, view.time).bounds,
        **given[subject],
    )
    subject_of = defaultdict(int, {seen.profile: seen.subject_id for seen in cut})
    derived = gather([Fact._make(row) for row in rows], subject_of)
    wanted = {seen[:6] for seen in cut}
    return [seen for key, seen in derived.items() if key in wanted]


def by_subject(spans: Iterable[Span]) -> dict[int, list[Span]]:
    """Part spans by what they are about."""
    found: defaultdict[int, list[Span]] = defaultdict(list)
    for seen in spans:
        found[seen.subject_id].append(seen)
    return found


async def contents_of(session: Session, portal_id: int, spans: Iterable[Span]) -> dict[int, str]:
    """Return the content of every profile that these spans name."""
    named = sorted({seen.profile for seen in spans})
    rows = await session.rows(_CONTENTS, portal_id=portal_id, profiles=named) if named else []
    return dict(rows)
