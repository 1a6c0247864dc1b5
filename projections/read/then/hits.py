"""Hits of a search as of a moment: each candidate is folded as it was, and looked at again."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing

from eventstore.database import Session
from projections.messages import MessageRow, VersionRow
from projections.read.search import LAST, Hit, HitKey, Wanted, few, needles
from projections.read.then.messages import Messages, Walk
from projections.search.message_words import standing_of
from projections.search.terms import says
from projections.search.words import words


async def hits(  # noqa: PLR0913, PLR0917 - a place among the hits of a portal
    session: Session,
    portal_id: int,
    messages: Messages,
    wanted: Wanted,
    key: HitKey,
    limit: int,
    *,
    descending: bool,
) -> list[Hit]:
    """Return the hits behind `key`, in the order of messages and their versions."""
    begin = min(key.message_id + 1, LAST.message_id) if descending else key.message_id - 1
    walk = Walk(
        wanted.filters,
        begin,
        limit,
        ascending=not descending,
        among=await few(session, portal_id, wanted.terms),
        needles=needles(portal_id, wanted.terms),
    )
    found: list[Hit] = []
    async with aclosing(messages.batches(walk)) as batches:
        async for rows in batches:
            versions = await messages.versions([row.message_id for row in rows])
            for row in rows:
                of_message = list(_of_message(row, versions[row.message_id], wanted))
                if descending:
                    of_message.reverse()
                found += [
                    hit for hit in of_message if (hit.key < key if descending else hit.key > key)
                ]
            if len(found) >= limit:
                break
    return found[:limit]


def _of_message(row: MessageRow, versions: Sequence[VersionRow], wanted: Wanted) -> Iterator[Hit]:
    deleted = row.state == "deleted"
    for version in versions:
        standing = standing_of(version, len(versions), deleted=deleted)
        if standing in wanted.standings and says(words(version.text), wanted.terms):
            yield Hit(row, version, standing)
