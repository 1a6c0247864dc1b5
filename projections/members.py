"""Membership: when a user was in a chat, as far as anybody witnessed it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from eventstore.event import Instant
from projections.agree import CHANGE, WINDOW, Entry, Report, agree, close_up
from projections.facts import Basis, Fact
from projections.spans import Span
from projections.tables import table_of

_ACTION: Final = {"member_joined": "joined", "member_left": "left"}


class MemberRow(NamedTuple):
    """One interval of a user in a chat. The fields are the columns, in their order.

    `joined_at` is null, its basis `unknown`, where nobody witnessed the start; `first_seen_at` is
    known always. `left_at` is null while nobody witnessed the end: silence is not leaving
    (reference, trap 6).
    """

    portal_id: int
    chat_id: int
    user_id: int
    ordinal: int
    joined_at: Instant | None
    joined_basis: Basis
    first_seen_at: Instant
    left_at: Instant | None
    left_basis: Basis | None


membership: Final = table_of("membership", MemberRow, key=4, rowid=False)


class _Stay(NamedTuple):
    """An interval, before it has a number."""

    joined_at: Instant | None
    joined_basis: Basis
    first_seen_at: Instant
    left_at: Instant | None = None
    left_basis: Basis | None = None


def member_rows(
    joins_and_leaves: Iterable[Fact], presence: Iterable[Span]
) -> tuple[MemberRow, ...]:
    """Give the intervals of one user in one chat, oldest first.

    Takes all joins and leaves of the pair and all its presence spans, in any order. To act in a
    chat after having left it, by more than the window, is to be in it again.
    """
    chain = member_chain(joins_and_leaves)
    pair: tuple[int, int, int] | None = None
    if chain:
        told = chain[0].reports[0].fact
        pair = told.portal_id, told.chat_id or 0, told.user_id or 0
    moments: list[Instant] = []
    for span in presence:
        pair = span.portal_id, span.subject_id, span.user_id
        moments += span.first_at, span.last_at
    if pair is None:
        return ()
    portal_id, chat_id, user_id = pair
    stays = _stays(chain, sorted(moments))
    return tuple(
        MemberRow(portal_id, chat_id, user_id, ordinal, *stay)
        for ordinal, stay in enumerate(stays, 1)
    )


def member_chain(joins_and_leaves: Iterable[Fact]) -> list[Entry]:
    """Give when one user joined and left one chat, in turns, as far as anybody told."""
    reports: list[Report] = []
    for fact in joins_and_leaves:
        action = _ACTION.get(fact.kind)
        if action and fact.chat_id is not None and fact.user_id is not None:
            reports.append(
                Report(CHANGE, fact.occurred_at, fact.sequence, fact.witness, action, fact, {})
            )
    return close_up(agree(reports))


def _stays(chain: Sequence[Entry], moments: Sequence[Instant]) -> Iterator[_Stay]:
    """Walk the joins and leaves, which alternate, and what was seen before and between them."""
    first_seen = min([*moments[:1], *(entry.at for entry in chain[:1])])
    stay: _Stay | None = _Stay(None, "unknown", first_seen)
    if chain and chain[0].text == "joined":
        stay = _Stay(chain[0].at, chain[0].basis, first_seen)
    for entry, following in zip_longest(chain, chain[1:]):
        if entry.text == "joined":
            stay = stay or _Stay(entry.at, entry.basis, entry.at)
        elif stay:
            yield stay._replace(left_at=entry.at, left_basis=entry.basis)
            again = _seen_again(moments, entry, following)
            stay = None if again is None else _Stay(None, "unknown", again)
    if stay:
        yield stay


def _seen_again(moments: Sequence[Instant], left: Entry, joined: Entry | None) -> Instant | None:
    """Give the first moment that neither this leave nor the next join explains."""
    return next(
        (at for at in moments if at > left.at + WINDOW and (not joined or at < joined.at - WINDOW)),
        None,
    )
