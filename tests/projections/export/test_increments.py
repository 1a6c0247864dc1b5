"""An increment has every row that is otherwise since a position, and no other."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from eventstore.database import Session
from eventstore.event import MAX_INSTANT
from eventstore.store import Store
from projections.export.increments import changed_rows, differing
from projections.export.names import TABLE_NAMES, TableName
from projections.export.rows import Rows, Sources
from projections.export.selection import Piece
from projections.export.shown import shown_rows
from projections.export.tables import TABLES
from projections.export.wanted import Wanted
from projections.facts import Fact
from projections.view import View
from tests.projections.contradictions import contradicted, made_of

LAST = 2**63 - 1
OF_FACTS = [name for name in TABLE_NAMES if name != "events"]
"""The tables that are made of a generation alone."""

Keyed = dict[tuple[Any, ...], tuple[Any, ...]]


def selections(facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Everything, and narrower and narrower questions."""
    times = sorted(each.occurred_at for each in facts)
    early, middle, late = (times[len(times) * part // 10] for part in (2, 5, 8))
    return [
        {},
        {"chats": (2201,)},
        {"since": early, "until": late},
        {"as_of": middle},
        {"chats": (2202,), "as_of": late},
        {"withhold": True},
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_what_changed_makes_what_is_of_what_was(fresh: Store, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same life and the same positions again
    fresh.prepare()
    facts, profiles = contradicted(seed, random)
    newest = max(each.position for each in facts)
    splits = [0, *sorted(random.sample(range(1, newest), 4)), newest]
    async with made_of(fresh.generation(1), facts, profiles) as session:
        for selection in selections(facts):
            for name in OF_FACTS:
                wanted = Wanted(portal="acme", format="csv", tables=(name,), **selection)
                known: Keyed = {}
                for before, position in pairwise(splits):
                    changed = await increment(session, wanted, before + 1, position)
                    follow(known, name, changed)

                    assert known == keyed(name, await full(session, wanted, position))


def view_of(wanted: Wanted, position: int) -> View:
    return View(position, MAX_INSTANT if wanted.as_of is None else wanted.as_of)


async def full(session: Session, wanted: Wanted, position: int) -> Rows:
    """All rows of the one table that is wanted."""
    sources, piece = Sources(session, session, 1), Piece(wanted.tables[0], 0, 0, LAST)
    async with session.moment():
        found = shown_rows(sources, piece, wanted, view_of(wanted, position))
        return [row async for rows in found for row in rows]


async def increment(session: Session, wanted: Wanted, first: int, position: int) -> Rows:
    """All that some positions changed in the one table that is wanted."""
    (name,) = wanted.tables
    begin = first - 1 if TABLES[name].keyed_by == "position" else 0
    sources, piece = Sources(session, session, 1), Piece(name, 0, begin, LAST)
    async with session.moment():
        found = changed_rows(sources, piece, wanted, view_of(wanted, position), first=first)
        return [row async for rows in found for row in rows]


def follow(known: Keyed, name: TableName, changed: Rows) -> None:
    """Do what an increment says, which must be news."""
    for key, (*row, op) in keyed(name, changed).items():
        if op == "delete":
            del known[key]
        else:
            assert known.get(key) != tuple(row)
            known[key] = tuple(row)


def keyed(name: TableName, rows: Rows) -> Keyed:
    table = TABLES[name]
    places = [[column.name for column in table.columns].index(each) for each in table.key]
    found = {tuple(row[place] for place in places): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_deleted_row_has_its_key_and_its_month_and_nothing_else() -> None:
    members = TABLES["members"]
    stay = (7, 41, 1, None, "unknown", 1_000, None, None, None)

    assert [*differing(members, [stay], [])] == [
        (7, 41, 1, None, None, 1_000, None, None, None, "delete")
    ]
