"""Reactions: who held which reaction on a message, from when until when."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from eventstore.event import Instant
from projections.agree import CHANGE, Entry, Report, agree, close_up
from projections.facts import Basis, Fact
from projections.tables import table_of

_ACTION: Final = {"reaction_added": "added", "reaction_removed": "removed"}


class ReactionRow(NamedTuple):
    """One interval in which a user held a reaction. The fields are the columns, in their order.

    `from_at` is null, its basis `unknown`, where only the removal was witnessed.
    """

    portal_id: int
    message_id: int
    user_id: int
    code: str
    ordinal: int
    from_at: Instant | None
    from_basis: Basis
    until_at: Instant | None
    until_basis: Basis | None


ReactionOf = tuple[int, int, int, str]
"""The portal, the message, who reacted, and how: the first four fields of a row."""

reaction: Final = table_of("reaction", ReactionRow, key=5, rowid=False)


def reaction_rows(facts: Iterable[Fact]) -> tuple[ReactionRow, ...]:
    """Give the intervals of every reaction on one message, by user and code, then by time.

    Takes the facts of one message in any order; those that are no reactions say nothing here.
    """
    chains = reaction_chains(facts)
    return tuple(row for key in sorted(chains) for row in _intervals(key, chains[key]))


def reaction_chains(facts: Iterable[Fact]) -> dict[ReactionOf, list[Entry]]:
    """Give when each reaction of each user on one message was added and removed, in turns."""
    told: defaultdict[ReactionOf, list[Report]] = defaultdict(list)
    for fact in facts:
        action = _ACTION.get(fact.kind)
        if action and fact.message_id is not None and fact.user_id is not None:
            key = fact.portal_id, fact.message_id, fact.user_id, fact.code or ""
            told[key].append(
                Report(CHANGE, fact.occurred_at, fact.sequence, fact.witness, action, fact, {})
            )
    return {key: close_up(agree(reports)) for key, reports in told.items()}


def _intervals(key: ReactionOf, chain: Iterable[Entry]) -> Iterator[ReactionRow]:
    ordinal = 0
    since: tuple[Instant | None, Basis] | None = None
    for entry in chain:
        if entry.text == "added":
            since = entry.at, entry.basis
            continue
        ordinal += 1
        yield ReactionRow(*key, ordinal, *(since or (None, "unknown")), entry.at, entry.basis)
        since = None
    if since:
        yield ReactionRow(*key, ordinal + 1, *since, None, None)
