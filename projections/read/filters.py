"""What a list of messages may be narrowed to, and the ways in which it is ordered."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import ColumnElement, bindparam, exists

from projections.messages import message
from projections.reactions import reaction

FILTERS: Final[Mapping[str, ColumnElement[bool]]] = {
    "chat": message.c.chat_id == bindparam("chat"),
    "author": message.c.author_id == bindparam("author"),
    "from": message.c.posted_at >= bindparam("from"),
    "to": message.c.posted_at < bindparam("to"),
    "state": message.c.state == bindparam("state"),
    "has_file": message.c.files != "[]",
    "has_forward": message.c.forward.is_not(None),
    "has_reply": message.c.reply_to.is_not(None),
    "has_edit": message.c.edited_basis.is_not(None),
    "has_reaction": exists().where(
        reaction.c.portal_id == message.c.portal_id,
        reaction.c.message_id == message.c.message_id,
        reaction.c.until_basis.is_(None),
    ),
}
"""The filters by their names. One whose name begins with `has_` takes no value: a reaction counts
while it is held."""


def conditions(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Return the conditions of some filters, always in the same order."""
    return [FILTERS[name] for name in sorted(names)]
