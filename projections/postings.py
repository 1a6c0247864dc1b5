"""Messages of which only the posting was told: most of all, and folded without more ado."""

from collections.abc import Sequence

from projections.facts import Fact
from projections.messages import MessageRow, VersionRow, names_of


def only_posted(facts: Sequence[Fact]) -> tuple[MessageRow, VersionRow] | None:
    """Give the two rows of one message where there is nothing to agree on; None of any other.

    That is where each fact is a posting, by a witness of its own, all of them say the same, and
    none has a detail. `message_rows` gives the same of them, and takes several times as long.
    """
    portal_id, _, _, _, message_id, chat_id, author_id, *_ = first = facts[0]
    said = "message_posted", message_id, chat_id, author_id
    if first.text is None or not all(
        fact[3:7] == said and fact.text == first.text and not fact.detail for fact in facts
    ):
        return None
    witnesses = frozenset([fact.witness for fact in facts])
    if len(witnesses) < len(facts):
        return None
    posted_at, basis = min([(fact.occurred_at, fact.basis) for fact in facts])
    last_at = max([fact.occurred_at for fact in facts])
    positions = [fact.position for fact in facts]
    text, first_position, names = first.text, min(positions), names_of(witnesses)
    row = MessageRow(
        portal_id=portal_id,
        message_id=message_id or 0,
        chat_id=chat_id,
        author_id=author_id,
        text=text,
        state="live",
        versions=1,
        system=0,
        posted_at=posted_at,
        posted_basis=basis,
        edited_at=None,
        edited_after=None,
        edited_basis=None,
        edited_by=None,
        edited_by_basis=None,
        deleted_at=None,
        deleted_after=None,
        deleted_basis=None,
        deleted_by=None,
        deleted_by_basis=None,
        reply_to=None,
        forward=None,
        files="[]",
        first_position=first_position,
        last_position=max(positions),
        witnesses=names,
        first_at=posted_at,
        last_at=last_at,
        disputed=int(posted_at < last_at),
    )
    version = VersionRow(
        portal_id=row.portal_id,
        message_id=row.message_id,
        version=1,
        text=text,
        from_at=posted_at,
        from_after=None,
        from_basis=basis,
        from_position=first_position,
        until_at=None,
        until_after=None,
        until_basis=None,
        witnesses=names,
    )
    return row, version
