"""Verify: one damaged row of anything is named."""

import asyncio
import gc
from contextlib import aclosing

import pytest
from sqlalchemy import Table

from eventstore.catalog import Catalog
from eventstore.log import heads_of
from eventstore.store import Store
from projections import verify_log as module
from projections.errors import StaleGeneration
from projections.generations import SHAPE
from projections.tables import checkpoint, metadata
from projections.verify_catalog import verify_catalog
from projections.verify_log import verify_log
from projections.verify_read_models import differing_rows
from tests.engines import damage, on_sqlite, query, stamp
from tests.projections.stored import differences, portals, unread

TABLES = [table for table in metadata.sorted_tables if table is not checkpoint]


async def test_a_row_that_is_gone_is_named(fresh: Store, catalog: Catalog) -> None:
    one, other = await portals(catalog)

    places = [await _drop_first(fresh, table, one.id) for table in TABLES]

    found = await differences(fresh, one, other)
    assert sorted((each.portal, each.place, each.detail) for each in found) == sorted(
        ("one", place, "is derived, but not stored") for place in places
    )


async def _drop_first(store: Store, table: Table, portal_id: int) -> str:
    """Delete the first row of a portal in a table; return where `verify` should miss it."""
    names = [column.name for column in table.primary_key][1:]
    keys = f"SELECT {', '.join(names)} FROM {table.name} WHERE portal_id = {portal_id}"  # noqa: S608
    key = min(await query(store.generation(1), keys))
    of_it = " AND ".join(
        f"{name} = {_spelled(value)}" for name, value in zip(names, key, strict=True)
    )
    drop = f"DELETE FROM {table.name} WHERE portal_id = {portal_id} AND {of_it}"  # noqa: S608
    await damage(store.generation(1), drop)
    return f"{table.name} {'/'.join(map(str, key))}"


CHANGES = {
    ("fact", "text"): "'forged'",
    ("message", "author_id"): "-1",
    ("message_version", "from_at"): "1",
    ("reaction", "from_at"): "1",
    ("message_words", "standing"): "'forged'",
    ("membership", "first_seen_at"): "1",
    ("chat", "title"): "'forged'",
    ("chat_version", "until_at"): "1",
    ("user_profile", "name"): "'forged'",
    ("user_profile_version", "name"): "'forged'",
    ("watch", "until"): "1",
    ("orphan", "missing"): "1",
    ("span", "last_position"): "0",
    ("profile", "content"): "'{}'",
    ("undecoded", "reason"): "''",
}
"""A new value for a column of every table that is more than a key."""


async def test_a_value_that_was_changed_is_shown_beside_what_it_should_be(
    fresh: Store, catalog: Catalog
) -> None:
    beside_keys = {table.name for table in TABLES if len(table.columns) > len(table.primary_key)}
    assert {table for table, _ in CHANGES} == beside_keys
    one, _ = await portals(catalog)
    before = {place: await _column(fresh, *place) for place in CHANGES}

    for (table, column), value in CHANGES.items():
        await damage(fresh.generation(1), f"UPDATE {table} SET {column} = {value}")  # noqa: S608

    after = {place: await _column(fresh, *place) for place in CHANGES}
    found = [row async for _, row in differing_rows(fresh, [one], unread)]
    assert {(*row[:3], row.stored, row.derived) for row in found} == {
        (table, key, column, after[table, column][key], value)
        for (table, column), values in before.items()
        for key, value in values.items()
        if after[table, column][key] != value
    }
    assert {(row.table, row.column) for row in found} == set(CHANGES)


async def test_who_stops_at_the_first_difference_leaves_nothing_open(
    fresh: Store, catalog: Catalog
) -> None:
    one, _ = await portals(catalog)
    await damage(fresh.generation(1), "UPDATE fact SET text = 'forged' WHERE portal_id = 1")
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))

    try:
        async with aclosing(differing_rows(fresh, [one], unread)) as differing:
            await anext(differing)
        gc.collect()
        await asyncio.sleep(0.01)
    finally:
        loop.set_exception_handler(None)

    assert complaints == []


async def test_a_row_too_many_is_named(fresh: Store, catalog: Catalog) -> None:
    one, other = await portals(catalog)

    await damage(fresh.generation(1), "INSERT INTO undecoded VALUES (1, 9999, 'nothing')")

    assert [each[1:] for each in await differences(fresh, one, other)] == [
        ("undecoded 9999", "is stored, but not derived")
    ]


async def test_a_log_that_was_cut_back_is_not_called_equal(fresh: Store, catalog: Catalog) -> None:
    one, other = await portals(catalog)
    head = (await heads_of(fresh.log))[one.id]

    await damage(
        fresh.log,
        f"DELETE FROM event WHERE portal_id = 1 AND position = {head}",  # noqa: S608
        f"UPDATE log_head SET position = {head - 1} WHERE portal_id = 1",  # noqa: S608
    )

    found = [
        (portal.slug, *row) async for portal, row in differing_rows(fresh, [one, other], unread)
    ]
    assert found == [("one", "checkpoint", (), "position", head, head - 1)]
    (told,) = await differences(fresh, one, other)
    assert told.place == "log_head"


@on_sqlite
async def test_bytes_in_place_of_a_text_are_noticed(fresh: Store, catalog: Catalog) -> None:
    """SQLite keeps them beside texts, and nobody could read such an event."""
    one, _ = await portals(catalog)

    await damage(
        fresh.log,
        "UPDATE event SET payload = CAST(payload AS BLOB) WHERE portal_id = 1 AND position = 2",
    )

    assert [tuple(each) async for each in verify_log(fresh, [one], unread)] == [
        ("one", "event 2", "is not of the types that are stored")
    ]


async def test_other_tables_are_refused(fresh: Store, catalog: Catalog) -> None:
    await stamp(fresh.generation(1), SHAPE - 1)

    with pytest.raises(StaleGeneration, match="`chronicle rebuild`"):
        await differences(fresh, *await portals(catalog))


async def test_an_event_is_named_whichever_process_finds_it(
    fresh: Store, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW", 0)
    monkeypatch.setattr(module, "_PIECE", 5)
    one, other = await portals(catalog)
    await damage(
        fresh.log,
        "UPDATE event SET payload = payload || ' ' WHERE portal_id = 1 AND position = 12",
        "DELETE FROM event WHERE portal_id = 1 AND position IN (5, 20, 21)",
    )

    found = [each async for each in verify_log(fresh, [one, other], unread, jobs=2)]

    assert [(each.portal, each.place) for each in found] == [
        ("one", "event 6"),
        ("one", "event 12"),
        ("one", "event 22"),
    ]


async def test_a_log_that_is_nobodys_is_named(fresh: Store, catalog: Catalog) -> None:
    assert [each async for each in verify_catalog(catalog, fresh)] == []

    await damage(fresh.log, "INSERT INTO log_head VALUES (9, 0)")
    await damage(fresh.catalog, "UPDATE pointer SET generation = 7 WHERE portal_id = 2")

    found = [each async for each in verify_catalog(catalog, fresh)]
    assert [(each.portal, each.place) for each in found] == [("", "portal 9"), ("other", "pointer")]


async def _column(store: Store, table: str, column: str) -> dict[tuple[object, ...], object]:
    """The values of a column, by the key of the row."""
    key = ", ".join(each.name for each in list(metadata.tables[table].primary_key)[1:])
    rows = await query(
        store.generation(1),
        f"SELECT {key}, {column} FROM {table} WHERE portal_id = 1",  # noqa: S608
    )
    return {tuple(row[:-1]): row[-1] for row in rows}


def _spelled(value: object) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"
