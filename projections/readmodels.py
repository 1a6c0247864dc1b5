"""The read models: which tables they fill, by which key, with which fold."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, bindparam, delete
from sqlalchemy.sql.base import Executable

from eventstore.database import Pairs, one_of, pair_of
from projections.facts import Fact
from projections.members import member_rows, membership
from projections.messages import message, message_claim, message_rows, message_version
from projections.orphans import orphan, orphan_rows
from projections.postings import only_posted
from projections.profiles import (
    chat,
    chat_rows,
    chat_version,
    user_profile,
    user_profile_version,
    user_rows,
)
from projections.reactions import reaction, reaction_rows
from projections.search.message_words import message_words, words_rows
from projections.spans import Span
from projections.watch import watch, watch_rows

Rows = Sequence[Sequence[tuple[Any, ...]]]
"""Rows of one key: for each table of a read model, in the order of its tables."""


@dataclass(frozen=True)
class ReadModel:
    """The tables that one fold fills, and the columns of the key that it folds."""

    name: str
    tables: tuple[Table, ...]
    key: tuple[str, ...]

    @cached_property
    def deletions(self) -> tuple[Executable, ...]:
        """The statements that delete the rows of a list of `keys`, a table each."""
        return tuple(
            delete(table).where(table.c.portal_id == bindparam("portal_id"), self.among(table))
            for table in self.tables
        )

    def parameter(self, keys: Collection[Any]) -> list[Any]:
        """Return the value of `keys` in the statements of this read model."""
        return list(keys) if len(self.key) == 1 else Pairs(keys)

    def among(self, table: Table) -> ColumnElement[Any]:
        """Return the condition that a row is of one of a list of `keys`."""
        first, *second = (table.c[name] for name in self.key)
        return pair_of(first, second[0], "keys") if second else one_of(first, "keys")


MESSAGE: Final = ReadModel(
    "message",
    (message, message_version, message_claim, reaction, message_words, orphan),
    ("message_id",),
)
MEMBER: Final = ReadModel("membership", (membership,), ("chat_id", "user_id"))
CHAT: Final = ReadModel("chat", (chat, chat_version), ("chat_id",))
USER: Final = ReadModel("user", (user_profile, user_profile_version), ("user_id",))
WATCH: Final = ReadModel("watch", (watch,), ("receiver_id",))
READ_MODELS: Final = (MESSAGE, MEMBER, CHAT, USER, WATCH)


def fold_message(facts: Sequence[Fact]) -> Rows:
    """Return all rows of one message, from all facts that name it."""
    if posted := only_posted(facts):
        row, version = posted
        return ([row], [version], (), (), words_rows(facts, [version], deleted=False), ())
    rows = message_rows(facts)
    if rows.message is None:
        return ((), (), (), (), (), ())
    deleted = rows.message.state == "deleted"
    found = words_rows(facts, rows.versions, deleted=deleted)
    return (
        [rows.message],
        rows.versions,
        rows.claims,
        reaction_rows(facts),
        found,
        orphan_rows(facts, rows.message),
    )


def fold_member(told: Iterable[Fact], presence: Iterable[Span]) -> Rows:
    """Return all rows of one user in one chat."""
    return (member_rows(told, presence),)


def fold_chat(spans: Sequence[Span], contents: Mapping[int, str]) -> Rows:
    """Return all rows of one chat, from all its spans."""
    rows = chat_rows(spans, contents)
    return ([rows.chat] if rows.chat else [], rows.versions)


def fold_user(spans: Sequence[Span], contents: Mapping[int, str]) -> Rows:
    """Return all rows of one user, from all their spans."""
    rows = user_rows(spans, contents)
    return ([rows.user] if rows.user else [], rows.versions)


def fold_watch(spans: Sequence[Span], contents: Mapping[int, str]) -> Rows:
    """Return all rows of the receivers of one number, from all spans of their queues."""
    return (watch_rows(spans, contents),)
