"""Membership: when a user was in a chat, as far as anybody witnessed it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from eventstore.event import Instant
from projections.agree import CHANGE, WINDOW, Entry, Report, agree, close_up
from projections.facts import Basis, Fact
from projections.spans import Span
from projections.tables import table_of

_ACTION: Final = {"member_joined": "joined", "member_left": "left"}
_SEEN_AS: Final = {"present": "joined", "absent": "left"}
_NOTHING: Final[Mapping[str, Any]] = {}


class MemberRow(NamedTuple):
    """One interval of a user in a chat. The fields are the columns, in their order.

    `joined_at` is null, its basis `unknown`, where nobody witnessed the start; `first_seen_at` is
    known always. `left_at` is null while nobody witnessed the end: silence is not leaving
    (reference, trap 6). Who was looked for among the members, and was not there, left at `left_at`
    at the latest, and after `left_after`, when they were last seen; null for any other.
    """

    portal_id: int
    chat_id: int
    user_id: int
    ordinal: int
    joined_at: Instant | None
    joined_basis: Basis
    first_seen_at: Instant
    left_at: Instant | None
    left_after: Instant | None
    left_basis: Basis | None


membership: Final = table_of("membership", MemberRow, key=4, rowid=False)


class _Stay(NamedTuple):
    """An interval, before it has a number."""

    joined_at: Instant | None
    joined_basis: Basis
    first_seen_at: Instant
    left_at: Instant | None = None
    left_after: Instant | None = None
    left_basis: Basis | None = None


def member_rows(told: Iterable[Fact], presence: Iterable[Span]) -> tuple[MemberRow, ...]:
    """Give the intervals of one user in one chat, oldest first.

    Takes all that was told of the pair and all its presence spans, in any order. To be seen in a
    chat after having left it, by more than the window, is to be in it again.
    """
    facts = [each for each in told if each.chat_id is not None and each.user_id is not None]
    pair: tuple[int, int, int] | None = None
    moments: list[Instant] = []
    for span in presence:
        pair = span.portal_id, span.subject_id, span.user_id
        moments += span.first_at, span.last_at
    for fact in facts:
        pair = fact.portal_id, fact.chat_id or 0, fact.user_id or 0
        if fact.code == "present":
            moments.append(fact.occurred_at)
    if pair is None:
        return ()
    portal_id, chat_id, user_id = pair
    if not facts:  # most were only seen there
        seen = _Stay(None, "unknown", min(moments))
        return (MemberRow(portal_id, chat_id, user_id, 1, *seen),)
    moments.sort()
    stays = _stays(member_chain(facts, moments), moments)
    return tuple(
        MemberRow(portal_id, chat_id, user_id, ordinal, *stay)
        for ordinal, stay in enumerate(stays, 1)
    )


def member_chain(told: Iterable[Fact], moments: Sequence[Instant] = ()) -> list[Entry]:
    """Give when one user joined and left one chat, in turns, as far as anybody told.

    `moments`, ascending, are when they were seen there. These count where a list of members told
    that they were not: an entry that is `observed` was concluded from such sights.
    """
    reports: list[Report] = []
    sights: list[Report] = []
    for fact in told:
        if fact.chat_id is None or fact.user_id is None:
            continue
        if action := _ACTION.get(fact.kind):
            reports.append(_report(fact, action))
        elif action := _SEEN_AS.get(fact.code or ""):
            sights.append(_report(fact, action))
    absences = [sight for sight in sights if sight.text == "left"]
    if not absences:
        return close_up(agree(reports))
    # Before anybody left, a sight says no more than that they were there.
    first = min(each.at for each in [*reports, *absences] if each.text == "left")
    seen = absences[0].fact._replace(basis="observed", code="present")
    sights += [_report(seen._replace(occurred_at=at), "joined") for at in moments]
    return close_up(_unrefuted(agree(reports, [each for each in sights if each.at >= first])))


def _unrefuted(chain: Sequence[Entry]) -> Iterator[Entry]:
    """Leave out that somebody was missed, where they only left later, as was witnessed."""
    for entry, following in zip_longest(chain, chain[1:]):
        if not (entry.observed and following and following.text == entry.text == "left"):
            yield entry


def _report(fact: Fact, action: str) -> Report:
    return Report(CHANGE, fact.occurred_at, fact.sequence, fact.witness, action, fact, _NOTHING)


def left_basis(left: Entry) -> Basis:
    """Say how well it is known that somebody left."""
    return "inferred" if left.observed else left.basis


def _stays(chain: Sequence[Entry], moments: Sequence[Instant]) -> Iterator[_Stay]:
    """Walk the joins and leaves, which alternate, and what was seen before and between them."""
    if chain and chain[0].observed and (not moments or moments[0] > chain[0].at):
        chain = chain[1:]  # who was never seen there did not leave
    if not chain and not moments:
        return
    first_seen = min([*moments[:1], *(entry.at for entry in chain[:1])])
    stay: _Stay | None = _Stay(None, "unknown", first_seen)
    if chain and chain[0].text == "joined" and not chain[0].observed:
        stay = _Stay(chain[0].at, chain[0].basis, first_seen)
    for entry, following in zip_longest(chain, chain[1:]):
        if entry.text == "joined":
            stay = stay or _begun(entry)
        elif stay:
            after = _last_seen(moments, stay, entry) if entry.observed else None
            yield stay._replace(left_at=entry.at, left_after=after, left_basis=left_basis(entry))
            again = _seen_again(moments, entry, following)
            stay = None if again is None else _Stay(None, "unknown", again)
    if stay:
        yield stay


def _begun(joined: Entry) -> _Stay:
    if joined.observed:
        return _Stay(None, "unknown", joined.at)
    return _Stay(joined.at, joined.basis, joined.at)


def _last_seen(moments: Sequence[Instant], stay: _Stay, left: Entry) -> Instant:
    """Return when somebody was seen last before they were missed."""
    before = [at for at in moments if at <= left.at]
    return min(left.at, max([stay.first_seen_at, *before[-1:], left.after or stay.first_seen_at]))


def _seen_again(moments: Sequence[Instant], left: Entry, joined: Entry | None) -> Instant | None:
    """Give the first moment that neither this leave nor the next join explains."""
    return next(
        (at for at in moments if at > left.at + WINDOW and (not joined or at < joined.at - WINDOW)),
        None,
    )
