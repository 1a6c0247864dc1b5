"""The tables of an export: their columns, with what each says, and how their rows are ordered.

An export shows what a portal's read models say, for tools that know nothing of Chronicle: times
are timestamps in UTC, lists are lists. What the source did not say is null, and the basis beside
it says why (`docs/http.md` tells the bases).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa

from projections.export.names import TableName

SCHEMA_VERSION: Final = 1
"""Moves when a column is renamed or removed, or says something else."""

_ID: Final = pa.int64()
_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("us", "UTC")
_NUMBER: Final = pa.int32()
_FLAG: Final = pa.bool_()
_WITNESSES: Final = pa.list_(pa.string())
_WITHHELD: Final = "scope where its text was left out, since who asked may not see it"
_FILES: Final = pa.list_(
    pa.struct([("id", _TEXT), ("name", _TEXT), ("type", _TEXT), ("size", pa.int64())])
)
_REPLY: Final = pa.struct([("message_id", _ID), ("author_id", _ID), ("text", _TEXT)])
_FORWARD: Final = pa.struct([("chat_id", _ID), ("message_id", _TEXT), ("author_id", _ID)])

KeyedBy = Literal["message", "chat", "user", "position"]


class Column(NamedTuple):
    """One column: its name, its type, and what it says."""

    name: str
    type: pa.DataType
    about: str


class ExportTable(NamedTuple):
    """One table of an export.

    `key` names a row for ever, so that increments can be merged. `month` is the column by whose
    month rows are parted, in UTC. `order` is how the rows of a file are sorted. `keyed_by` is what
    a piece of the table is a range of.
    """

    name: TableName
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    month: str
    order: tuple[str, ...]
    keyed_by: KeyedBy

    @property
    def schema(self) -> pa.Schema:
        """The schema of its files, with what each column says."""
        return pa.schema(
            [
                pa.field(name, kind, metadata={"description": about})
                for name, kind, about in self.columns
            ],
            metadata={
                "chronicle.table": self.name,
                "chronicle.schema_version": str(SCHEMA_VERSION),
                "chronicle.key": ",".join(self.key),
            },
        )


def _moment(name: str, what: str) -> tuple[Column, ...]:
    """The three columns of something that happened, and when."""
    return (
        Column(f"{name}_at", _TIME, f"when {what}; null where that is not known"),
        Column(f"{name}_after", _TIME, "where only the result was seen: not before this moment"),
        Column(f"{name}_basis", _TEXT, f"how it is known when {what}"),
    )


MESSAGES: Final = ExportTable(
    "messages",
    (
        Column("message_id", _ID, "the message's id, unique in its portal"),
        Column("chat_id", _ID, "the chat that it is in"),
        Column("author_id", _ID, "who wrote it; 0 for the system"),
        Column("text", _TEXT, "its newest text, also after a deletion; null where none was seen"),
        Column("withheld", _TEXT, _WITHHELD),
        Column("state", _TEXT, "live or deleted"),
        Column("versions", _NUMBER, "how many texts of it were seen"),
        Column("system", _FLAG, "whether it is a system message"),
        Column("posted_at", _TIME, "when it was posted; null where that is not known"),
        Column("posted_basis", _TEXT, "how it is known when it was posted"),
        *_moment("edited", "it was edited last"),
        Column("edited_by", _ID, "who edited it last, where a hint names one user"),
        *_moment("deleted", "it was deleted"),
        Column("deleted_by", _ID, "who deleted it, where a hint names one user"),
        Column("reply_to", _REPLY, "the message that it replies to, as far as the source told"),
        Column("forward", _FORWARD, "the message that it forwards"),
        Column("files", _FILES, "its files, without their addresses"),
        Column("first_position", _ID, "the first position of the log that tells of it"),
        Column("last_position", _ID, "the last one"),
        Column("witnesses", _WITNESSES, "whose queues and handlers told of it"),
    ),
    key=("message_id",),
    month="posted_at",
    order=("chat_id", "message_id"),
    keyed_by="message",
)
VERSIONS: Final = ExportTable(
    "versions",
    (
        Column("message_id", _ID, "the message"),
        Column("version", _NUMBER, "1 is its first text; a late report may number them anew"),
        Column("chat_id", _ID, "the chat that it is in"),
        Column("author_id", _ID, "who wrote it; 0 for the system"),
        Column("text", _TEXT, "the whole text"),
        Column("withheld", _TEXT, _WITHHELD),
        *_moment("from", "it said so first"),
        Column("from_position", _ID, "the first position of the log that tells of this text"),
        *_moment("until", "it said so no more"),
        Column("witnesses", _WITNESSES, "whose queues and handlers told of this text"),
    ),
    key=("message_id", "version"),
    month="from_at",
    order=("chat_id", "message_id", "version"),
    keyed_by="message",
)
REACTIONS: Final = ExportTable(
    "reactions",
    (
        Column("message_id", _ID, "the message"),
        Column("user_id", _ID, "who reacted"),
        Column("code", _TEXT, "the reaction, as Bitrix24 calls it"),
        Column("ordinal", _NUMBER, "1 is the first time that this user held this reaction"),
        Column("chat_id", _ID, "the chat that the message is in"),
        Column("from_at", _TIME, "since when; null where only its removal was witnessed"),
        Column("from_basis", _TEXT, "how that is known"),
        Column("until_at", _TIME, "until when; null while it is held"),
        Column("until_basis", _TEXT, "how that is known; null while it is held"),
    ),
    key=("message_id", "user_id", "code", "ordinal"),
    month="from_at",
    order=("chat_id", "message_id", "user_id", "code", "ordinal"),
    keyed_by="message",
)
MEMBERS: Final = ExportTable(
    "members",
    (
        Column("chat_id", _ID, "the chat"),
        Column("user_id", _ID, "who was in it"),
        Column("ordinal", _NUMBER, "1 is the first stay of this user in this chat"),
        Column("joined_at", _TIME, "when they joined; null where nobody witnessed it"),
        Column("joined_basis", _TEXT, "how that is known"),
        Column("first_seen_at", _TIME, "when they were seen there first"),
        *_moment("left", "they left; null while nobody witnessed that"),
    ),
    key=("chat_id", "user_id", "ordinal"),
    month="first_seen_at",
    order=("chat_id", "user_id", "ordinal"),
    keyed_by="chat",
)
CHATS: Final = ExportTable(
    "chats",
    (
        Column("chat_id", _ID, "the chat's id, unique in its portal"),
        Column("title", _TEXT, "its title, as it was seen last"),
        Column("type", _TEXT, "its type: private, chat, open, channel, …"),
        Column("owner_id", _ID, "who owns it"),
        Column("entity_type", _TEXT, "what it belongs to: CRM, TASKS_TASK, LINES, …"),
        Column("entity_id", _TEXT, "the id of that"),
        Column("parent_chat_id", _ID, "of comments: the chat of the message"),
        Column("parent_message_id", _ID, "of comments: the message"),
        Column("first_seen_at", _TIME, "when it was seen first"),
        Column("last_activity_at", _TIME, "when something happened there last"),
    ),
    key=("chat_id",),
    month="first_seen_at",
    order=("chat_id",),
    keyed_by="chat",
)
USERS: Final = ExportTable(
    "users",
    (
        Column("user_id", _ID, "the user's id, unique in its portal; bots are users"),
        Column("name", _TEXT, "their name, as it was seen last"),
        Column("work_position", _TEXT, "their position, as it was seen last"),
        Column("kind", _TEXT, "user or bot; null where nothing told"),
        Column("first_seen_at", _TIME, "when they were seen first"),
        Column("last_seen_at", _TIME, "when they were seen last"),
    ),
    key=("user_id",),
    month="first_seen_at",
    order=("user_id",),
    keyed_by="user",
)
EVENTS: Final = ExportTable(
    "events",
    (
        Column("position", _ID, "its position in the portal's log: 1, 2, 3 … without a gap"),
        Column("key", _TEXT, "what names the delivery"),
        Column("event_type", _TEXT, "what Bitrix24 calls it"),
        Column("source", _TEXT, "webhook, fetch, import or rest"),
        Column("receiver", _TEXT, "whose queue or handler it came by"),
        Column("sequence", _ID, "a queue's eventId"),
        Column("sent_at", _TIME, "the source's own time; null where it says none"),
        Column("received_at", _TIME, "when Chronicle received it"),
        Column("payload", _TEXT, "the body as JSON, without its secrets; null once erased"),
    ),
    key=("position",),
    month="received_at",
    order=("position",),
    keyed_by="position",
)
CHANGES: Final = ExportTable(
    "changes",
    (
        Column("position", _ID, "the position of the log that told it first"),
        Column("ordinal", _NUMBER, "1 is the first change that this position told"),
        Column("kind", _TEXT, "edited, deleted, reaction, joined, left or renamed"),
        Column("at", _TIME, "when it was so, as it was known then"),
        Column("after", _TIME, "where only the result was seen: not before this moment"),
        Column("basis", _TEXT, "how that is known"),
        Column("chat_id", _ID, "the chat"),
        Column("message_id", _ID, "the message"),
        Column("user_id", _ID, "who reacted, joined, left or is called otherwise"),
        Column("version", _NUMBER, "of an edit: the number of the text, as it was then"),
        Column("by", _ID, "of an edit or a deletion: who did it, where a hint names one user"),
        Column("code", _TEXT, "of a reaction: which"),
        Column("action", _TEXT, "of a reaction: added or removed"),
        Column("name_before", _TEXT, "of a rename: what it was"),
        Column("name_after", _TEXT, "of a rename: what it is"),
    ),
    key=("position", "ordinal"),
    month="at",
    order=("position", "ordinal"),
    keyed_by="position",
)

TABLES: Final[Mapping[str, ExportTable]] = {
    table.name: table
    for table in (MESSAGES, VERSIONS, REACTIONS, MEMBERS, CHATS, USERS, EVENTS, CHANGES)
}
"""Every table that can be exported, by its name."""

Row = dict[str, Any]

_OP: Final = Column("op", _TEXT, "upsert: so is the row now; delete: it is there no more")


def table_for(name: TableName, *, op: bool) -> ExportTable:
    """Return a table by its name; of an increment, with the column that says what to do."""
    table = TABLES[name]
    return table._replace(columns=(*table.columns, _OP)) if op else table
