"""The tables of a generation."""

from typing import Any, Final

import pytest
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable

from projections import members, messages, orphans, profiles, reactions, tables, watch
from projections.facts import Fact
from projections.search import message_words
from projections.spans import Span

SQLITE: Final[Dialect] = SQLiteDialect()
POSTGRESQL: Final[Dialect] = PGDialect()  # type: ignore[no-untyped-call]
ROWS: Final[dict[Table, Any]] = {
    tables.fact: Fact,
    tables.profile: tables.ProfileRow,
    tables.span: Span,
    tables.undecoded: tables.UndecodedRow,
    tables.checkpoint: tables.CheckpointRow,
    messages.message: messages.MessageRow,
    messages.message_version: messages.VersionRow,
    messages.message_claim: messages.ClaimRow,
    orphans.orphan: orphans.OrphanRow,
    reactions.reaction: reactions.ReactionRow,
    message_words.message_words: message_words.WordsRow,
    members.membership: members.MemberRow,
    profiles.chat: profiles.ChatRow,
    profiles.chat_version: profiles.ChatVersionRow,
    profiles.user_profile: profiles.UserRow,
    profiles.user_profile_version: profiles.UserVersionRow,
    watch.watch: watch.WatchRow,
}


@pytest.mark.parametrize(("table", "row"), ROWS.items(), ids=str)
def test_the_fields_of_a_row_are_the_columns(table: Table, row: Any) -> None:
    assert tuple(table.columns.keys()) == row._fields


def test_every_table_is_known_here() -> None:
    assert {*tables.metadata.tables.values()} == {*ROWS}


@pytest.mark.parametrize("table", ROWS, ids=str)
def test_every_key_and_index_begins_with_the_portal(table: Table) -> None:
    keys = [[column.name for column in table.primary_key]]
    keys += [[column.name for column in index.columns] for index in table.indexes]

    assert {key[0] for key in keys} == {"portal_id"}


def test_a_column_is_as_wide_as_what_it_holds_and_null_where_it_may_be() -> None:
    spelled = str(CreateTable(messages.message).compile(dialect=POSTGRESQL))

    assert "portal_id INTEGER NOT NULL" in spelled
    assert "message_id BIGINT NOT NULL" in spelled
    assert 'text TEXT COLLATE "C",' in spelled
    assert 'state TEXT COLLATE "C" NOT NULL' in spelled
    assert "system SMALLINT NOT NULL" in spelled
    assert 'edited_basis TEXT COLLATE "C",' in spelled
    assert "PRIMARY KEY (portal_id, message_id)" in spelled


def test_small_rows_live_in_their_key_on_sqlite() -> None:
    small, large = (
        str(CreateTable(table).compile(dialect=SQLITE)) for table in (tables.span, messages.message)
    )

    assert "WITHOUT ROWID" in small
    assert "WITHOUT ROWID" not in large


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
def test_what_tells_of_members_has_an_index_of_its_own(dialect: Dialect) -> None:
    index = next(index for index in tables.fact.indexes if index.name == "fact_member")

    assert str(CreateIndex(index).compile(dialect=dialect)).endswith(
        "WHERE kind IN ('member_joined', 'member_left', 'member_observed')"
    )
