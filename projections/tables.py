"""The tables of a generation: made from the rows that fill them, so that the two cannot drift."""

from types import NoneType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
)
from sqlalchemy import text as condition
from sqlalchemy.types import TypeEngine

from eventstore.database import text
from projections.facts import Fact
from projections.spans import Span

metadata: Final = MetaData()

_NARROW: Final[dict[str, type[TypeEngine[int]]]] = {
    "portal_id": Integer,
    "ordinal": Integer,
    "version": Integer,
    "versions": Integer,
    "day": Integer,
    "system": SmallInteger,
}


def table_of(name: str, row: type[Any], *indexes: Index, key: int, rowid: bool = True) -> Table:
    """Make the table that holds rows of a NamedTuple: its fields are the columns, in their order.

    The first `key` fields are the primary key. Integers are 64 bits wide where they need to be,
    flags are 0 and 1, so that both engines give the same back. Without `rowid`, SQLite keeps the
    rows in the tree of the primary key itself: right for small rows that are read by it.
    """
    columns = [
        _column(field, hint, primary_key=place < key)
        for place, (field, hint) in enumerate(get_type_hints(row).items())
    ]
    return Table(name, metadata, *columns, *indexes, sqlite_with_rowid=rowid)


def _column(name: str, hint: Any, *, primary_key: bool) -> Column[Any]:
    # get_args of a Literal are its values: only a union's parts may say "or None"
    parts = [hint] if get_origin(hint) is Literal else [*get_args(hint)] or [hint]
    number = int in parts
    return Column(
        name,
        _NARROW.get(name, BigInteger) if number else text(),
        primary_key=primary_key,
        autoincrement=False,
        nullable=NoneType in parts,
    )


class ProfileRow(NamedTuple):
    """What was seen of a chat or a user, once for all the facts that name it."""

    portal_id: int
    id: int
    content: str


class UndecodedRow(NamedTuple):
    """An event that no decoder could read, and why: never with a value of its payload."""

    portal_id: int
    position: int
    reason: str


class CheckpointRow(NamedTuple):
    """How far this generation has come in the log of a portal."""

    portal_id: int
    position: int


MEMBER_KINDS: Final = ("member_joined", "member_left", "member_observed")
"""The kinds of facts that tell of one user in one chat."""

OF_MEMBERS: Final = condition(f"kind IN {MEMBER_KINDS}")
"""Spelled the same in the index and in the queries, or SQLite would not use it."""

SIGHTINGS: Final = condition("sequence IS NOT NULL")
"""What came by a queue: whoever the queue is had the chat then. Spelled the same everywhere too."""

LOOKS: Final = condition("kind = 'chat_observed'")
"""That a chat was read over REST, or could not be. Likewise."""

fact: Final = table_of(
    "fact",
    Fact,
    Index("fact_message", "portal_id", "message_id"),
    Index(
        "fact_member",
        "portal_id",
        "chat_id",
        "user_id",
        sqlite_where=OF_MEMBERS,
        postgresql_where=OF_MEMBERS,
    ),
    Index(
        "fact_sighting",
        "portal_id",
        "chat_id",
        "witness",
        "occurred_at",
        "position",
        sqlite_where=SIGHTINGS,
        postgresql_where=SIGHTINGS,
    ),
    Index(
        "fact_look",
        "portal_id",
        "chat_id",
        sqlite_where=LOOKS,
        postgresql_where=LOOKS,
    ),
    key=3,
)
profile: Final = table_of("profile", ProfileRow, key=2, rowid=False)
span: Final = table_of("span", Span, key=6, rowid=False)
undecoded: Final = table_of("undecoded", UndecodedRow, key=2, rowid=False)
checkpoint: Final = table_of("checkpoint", CheckpointRow, key=1, rowid=False)

DERIVED: Final = (fact, profile, span, undecoded, checkpoint)
"""What is derived from events; everything else in a generation is folded from it."""
