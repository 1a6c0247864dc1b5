"""An export's rows are those of its view, however far the read models have moved on."""

from random import Random
from typing import Any

import pytest

from eventstore.catalog import Catalog
from eventstore.database import Session
from eventstore.event import MAX_INSTANT
from eventstore.store import Store
from projections.export.named import named_by
from projections.export.names import TableName
from projections.export.rows import Sources, rows_of
from projections.export.selection import Piece, chosen
from projections.export.tables import TABLES
from projections.export.wanted import Wanted
from projections.read import members, reactions
from projections.read.chats import LATEST
from projections.read.now import Now
from projections.view import View
from tests.projections.contradictions import contradicted, made_of, sees, views

LAST = 2**63 - 1
ALL = 10_000
OF_KEYS: tuple[TableName, ...] = (
    "messages",
    "versions",
    "reactions",
    "members",
    "chats",
    "users",
)


async def rows(
    session: Session, name: TableName, view: View, chats: tuple[int, ...] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of a table, by their key."""
    sources = Sources(session, session, 1)
    piece = Piece(name, 0, 0, LAST)
    table = TABLES[name]
    wanted = Wanted(portal="acme", format="csv", tables=(name,), chats=chats)
    async with session.moment():
        named = chats and await named_by(sources, chats, piece, view)
        found = [
            row
            async for some in rows_of(sources, piece, view)
            for row in chosen(wanted, table, some, named)
        ]
    keys = [row[0] for row in found]
    assert keys == sorted(keys)  # so they are parted into the same files again
    place = [[column.name for column in table.columns].index(key) for key in table.key]
    return sorted(found, key=lambda row: [row[each] for each in place])


@pytest.mark.parametrize("bounds", ["position", "time", "both"])
@pytest.mark.parametrize("seed", range(2))
async def test_a_view_has_the_rows_that_only_its_facts_would_make(
    fresh: Store, seed: int, bounds: str
) -> None:
    random = Random(seed)  # noqa: S311 - the same life and the same views again
    fresh.prepare()
    facts, profiles = contradicted(seed, random)
    async with made_of(fresh.generation(1), facts, profiles) as session:
        for view in views(facts, bounds, random):
            known = [each for each in facts if sees(view, each)]
            async with made_of(fresh.generation(2), known, profiles) as alone:
                for chats in (None, (2201,)):
                    for name in OF_KEYS:
                        expected = await rows(alone, name, View(MAX_INSTANT), chats)

                        assert await rows(session, name, view, chats) == expected, (view, name)


async def test_what_was_found_at_a_position_is_found_there_for_ever(fresh: Store) -> None:
    random = Random(3)  # noqa: S311 - the same life again
    fresh.prepare()
    facts, profiles = contradicted(3, random)
    async with made_of(fresh.generation(1), facts, profiles) as session:
        for view in views(facts, "both", random):
            known = [each for each in facts if each.position <= view.position]
            async with made_of(fresh.generation(2), known, profiles) as alone:
                expected = await rows(alone, "changes", View(view.position))

            assert await rows(session, "changes", view) == [
                row for row in expected if row[3] is None or row[3] <= view.time
            ]


async def test_rows_are_what_readers_are_told(fresh: Store, catalog: Catalog) -> None:
    session = await fresh.generation(1).open_reader()
    try:
        reader, view = Now(session, 1, ALL), View(MAX_INSTANT)
        messages = await reader.among({}, key=-1, limit=ALL)
        ids = [each.message_id for each in messages]
        latest = await reader.chats(of_type=None, key=LATEST, limit=ALL)
        chats = sorted(each.row for each in latest)
        told: dict[TableName, list[Any]] = {
            "messages": messages,
            "versions": [
                row for each in ids for row in await reader.versions(each, skip=0, limit=ALL)
            ],
            "reactions": [
                row
                for each in ids
                for row in await reader.reactions(each, held=False, key=reactions.FIRST, limit=ALL)
            ],
            "members": [
                row
                for each in chats
                for row in await reader.members(
                    each.chat_id, current=False, key=members.FIRST, limit=ALL
                )
            ],
            "chats": chats,
            "users": [row for each in range(1_000) if (row := await reader.user(each))],
        }
        for name in OF_KEYS:
            columns = [column.name for column in TABLES[name].columns]
            both = [each for each in columns if each in told[name][0]._fields]
            found = [
                dict(zip(columns, row, strict=True)) for row in await rows(session, name, view)
            ]

            assert [[row[each] for each in both] for row in found] == [
                [getattr(row, each) for each in both] for row in told[name]
            ], name
            assert {*columns} - {*both} <= {"chat_id", "author_id", "withheld"}
    finally:
        await session.close()
