"""Orphans: messages whose creation nobody witnessed, and replies to what may be unknown."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Index

from projections.facts import Fact
from projections.messages import MessageRow
from projections.tables import table_of

_SHOWN: Final = frozenset(("message_posted", "message_observed"))


class OrphanRow(NamedTuple):
    """A message that points to something that may be missing. The fields are the columns.

    `creation`: it was edited, reacted to or deleted, and neither its posting nor a reading over
    REST shows what it was; `missing` is itself. `reply`: `missing` is what it replies to, and is
    missing for as long as there is no such message.
    """

    portal_id: int
    message_id: int
    subject: Literal["creation", "reply"]
    chat_id: int | None
    missing: int


orphan: Final = table_of(
    "orphan",
    OrphanRow,
    Index("orphan_newest", "portal_id", "subject", "message_id"),
    Index("orphan_chat", "portal_id", "subject", "chat_id", "message_id"),
    key=3,
    rowid=False,
)


def orphan_rows(facts: Iterable[Fact], row: MessageRow) -> tuple[OrphanRow, ...]:
    """Give the rows of one message, from all facts that name it and what they were folded to."""
    found: list[OrphanRow] = []
    if _SHOWN.isdisjoint(fact.kind for fact in facts):
        found.append(
            OrphanRow(row.portal_id, row.message_id, "creation", row.chat_id, row.message_id)
        )
    if row.reply_to and (original := from_json(row.reply_to)["message_id"]):
        found.append(OrphanRow(row.portal_id, row.message_id, "reply", row.chat_id, original))
    return tuple(found)
