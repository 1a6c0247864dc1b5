"""A whole export and its increments, merged, are the whole export of the last position."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eventstore.catalog import Catalog
from eventstore.event import NewEvent
from eventstore.store import Store
from projections.export.export import export
from projections.export.manifest import Complete
from projections.export.merge import merge
from projections.export.names import TABLE_NAMES, FormatName
from projections.export.pieces import Source
from projections.export.target import Target
from projections.export.wanted import Wanted
from projections.generations import prepare_generation
from projections.spans import DAY
from tests.projections.export.made import files, made
from tests.projections.own_events import BEGIN, reading, watching
from tests.projections.stored import (
    append,
    contradicting,
    lived,
    orphaned,
    portals,
    projecting,
    unread,
    unreadable,
)
from tests.promises.server import NOW

SELECTIONS: Sequence[dict[str, Any]] = (
    {"format": "parquet"},
    {"format": "csv"},
    {"format": "jsonl", "chats": (2201,), "withhold": True},
    {"format": "parquet", "as_of": BEGIN + DAY},
    {"format": "csv", "since": BEGIN, "until": BEGIN + DAY, "byte_order_mark": True},
    {"format": "jsonl"},
)

Row = tuple[Any, ...]
Grow = Callable[[Sequence[NewEvent]], Awaitable[int]]


def told(seed: int) -> list[NewEvent]:
    """A short life, much of which is told late, and what was read of it."""
    random = Random(seed)  # noqa: S311 - the same life again
    life = lived(seed)
    events = [*life, contradicting(life), *unreadable(1, begin=1_000), orphaned(), *reading()]
    random.shuffle(events)
    return [*watching(), *events]


async def exported(store: Store, folder: Path, asked: dict[str, Any]) -> Complete:
    wanted = Wanted(portal="acme", tables=asked.get("tables", TABLE_NAMES), **asked)
    source = Source("here", store.log, store.generation(1), 1)
    return await export(source, Target(str(folder)), wanted, unread, now=NOW, jobs=1)


@asynccontextmanager
async def growing(store: Store) -> AsyncIterator[Grow]:
    """A portal whose log grows by some events, which are projected; the position is returned."""
    catalog = await Catalog.open(store, create=True)
    try:
        await catalog.add_portal("acme", "member-1", now=NOW)
        (acme,) = await portals(catalog)
        await prepare_generation(store, 1)
        async with projecting(store, acme) as projector:

            async def grow(events: Sequence[NewEvent]) -> int:
                position = await append(store, acme, events)
                await projector.catch_up()
                return position

            yield grow
    finally:
        await catalog.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_whole_export_and_its_increments_make_the_whole_of_the_last_position(
    fresh: Store, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - the same places again
    events = told(seed)
    splits = [*sorted(random.sample(range(1, len(events)), 2)), len(events)]
    selections = SELECTIONS[seed::2]
    async with growing(fresh) as grow:
        first = 0
        for number, split in enumerate(splits):
            position = await grow(events[first:split])
            for place, selection in enumerate(selections):
                asked = selection if number == 0 else {**selection, "from_position": first + 1}
                await exported(fresh, tmp_path / str(place) / str(number), asked)
            first = position
        for place, selection in enumerate(selections):
            await exported(fresh, tmp_path / "whole" / str(place), selection)

            target = Target(str(tmp_path / "merged" / str(place)))
            merged = await merge([tmp_path / str(place)], target, unread)

            assert merged.position == first
            assert files(Path(target.address)) == files(tmp_path / "whole" / str(place)), selection


JANUARY, MARCH = 1_767_225_600_000_000, 1_772_323_200_000_000
FORMATS: Sequence[FormatName] = ("parquet", "csv", "jsonl")


def reaction(message_id: int, *, user: int = 41, chat: int | None = 7, at: int = JANUARY) -> Row:
    return (message_id, user, "like", 1, chat, at, "event", None, None)


def gone(row: Row) -> Row:
    """What an increment says of a row that is there no more."""
    return (*row[:4], None, row[5], None, None, None, "delete")


def now(row: Row) -> Row:
    return (*row, "upsert")


async def merged(tmp_path: Path, *folders: Path) -> Path:
    target = Target(str(tmp_path / "merged"))
    await merge(folders, target, unread)
    return Path(target.address)


@pytest.mark.parametrize("form", FORMATS)
async def test_of_each_row_what_was_told_last_stands(tmp_path: Path, form: FormatName) -> None:
    """Rows come, change, move to another month, go, and come again; some stay as they were."""
    going, back, moved, old = (reaction(number) for number in (2, 3, 4, 6))
    somewhere = reaction(1, chat=None)
    whole = made(
        tmp_path / "0", {"reactions": [somewhere, going, back, moved, old]}, position=10, form=form
    )
    came, later = reaction(5, chat=None), reaction(4, at=MARCH)
    news = [now(came), now(later), gone(going), gone(back)]
    first = made(tmp_path / "1", {"reactions": news}, position=20, first=11, form=form)
    again, other = reaction(3, at=MARCH), reaction(5, chat=8)
    news = [now(again), now(other)]
    second = made(tmp_path / "2", {"reactions": news}, position=30, first=21, form=form)
    rows = [somewhere, old, later, again, other]
    expected = made(tmp_path / "whole", {"reactions": rows}, position=30, form=form)

    assert files(await merged(tmp_path, whole, first, second)) == files(expected)


@pytest.mark.parametrize("form", FORMATS)
async def test_of_many_files_nothing_is_left_out_or_told_twice(
    tmp_path: Path, form: FormatName
) -> None:
    """What comes between two files, in front of them, and behind the last; one key is in two."""
    asked: Any = {"form": form, "most": 2}
    other = reaction(20, user=42)
    rows = sorted([other, *(reaction(number) for number in range(10, 70, 10))])
    whole = made(tmp_path / "0", {"reactions": rows}, position=10, **asked)
    new = [reaction(number) for number in (5, 15, 25, 55, 65, 75, 85, 95)]
    news = [now(reaction(20, chat=9)), *map(now, new), gone(reaction(30))]
    news.sort()
    increment = made(tmp_path / "1", {"reactions": news}, position=20, first=11, **asked)
    left = [other, *(reaction(number) for number in (10, 40, 50, 60))]
    rows = sorted([*left, *new, reaction(20, chat=9)])
    expected = made(tmp_path / "whole", {"reactions": rows}, position=20, form=form)

    assert files(await merged(tmp_path, whole, increment)) == files(expected)


@pytest.mark.parametrize("form", FORMATS)
async def test_cells_are_as_they_were(tmp_path: Path, form: FormatName) -> None:
    """Null is not an empty text, a formula is guarded once, and lines end where they did."""
    texts = [None, "", "=1+1", "'", '"a", "b"', "one\r\ntwo\n", "null", "\u2028\U0001f600", "007"]
    users = [(number, text, text, "user", JANUARY, MARCH) for number, text in enumerate(texts, 1)]
    whole = made(tmp_path / "0", {"users": users[::2]}, position=10, form=form)
    news = [now(row) for row in users[1::2]]
    increment = made(tmp_path / "1", {"users": news}, position=20, first=11, form=form)
    expected = made(tmp_path / "whole", {"users": users}, position=20, form=form)

    assert files(await merged(tmp_path, whole, increment)) == files(expected)


async def test_what_was_merged_is_merged_again(tmp_path: Path) -> None:
    rows = [reaction(number) for number in range(3)]
    whole = made(tmp_path / "0", {"reactions": rows[:1]}, position=1)
    first = made(tmp_path / "1", {"reactions": [now(rows[1])]}, position=2, first=2)
    second = made(tmp_path / "2", {"reactions": [now(rows[2])]}, position=3, first=3)
    once = await merged(tmp_path / "once", whole, first)

    twice = await merged(tmp_path / "twice", once, second)

    assert files(twice) == files(await merged(tmp_path / "all", whole, first, second))


async def test_of_a_table_without_rows_the_columns_are_left(tmp_path: Path) -> None:
    row = reaction(1)
    whole = made(tmp_path / "0", {"reactions": [row]}, position=1)
    increment = made(tmp_path / "1", {"reactions": [gone(row)]}, position=2, first=2)

    found = files(await merged(tmp_path, whole, increment))

    place = "table=reactions/portal=acme/month=__HIVE_DEFAULT_PARTITION__/part-00000.csv"
    assert list(found) == [place]
    assert found[place].startswith(b'"message_id","user_id","code"')
