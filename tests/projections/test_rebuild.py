"""A rebuild: the same rows again, beside those that are read meanwhile."""

from typing import Any

import pytest

from eventstore import pointers
from eventstore.catalog import Catalog
from eventstore.store import Store
from projections import build as building
from projections import pieces
from projections import rebuild as module
from projections.build import build
from projections.rebuild import Selection, rebuild
from projections.tables import metadata
from tests.engines import query
from tests.projections.stored import (
    append,
    differences,
    living,
    portals,
    unread,
    unreadable,
)


async def numbers(catalog: Catalog) -> list[int]:
    """The generations that the portals are read from."""
    return [portal.generation for portal in await portals(catalog)]


async def test_several_processes_build_what_is_read_live(
    fresh: Store, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_FEW", 0)
    monkeypatch.setattr(pieces, "EVENTS", 5)

    summary = await rebuild(fresh, catalog, unread, jobs=2)

    assert await numbers(catalog) == [2, 2]
    assert summary.generation == 2
    live, rebuilt = [await everything(fresh, number) for number in (1, 2)]
    assert rebuilt == live
    assert live["message"]


async def everything(store: Store, number: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a generation."""
    return {
        name: sorted(await query(store.generation(number), f"SELECT * FROM {name}"), key=repr)  # noqa: S608
        for name in metadata.tables
    }


async def test_a_rebuild_has_what_came_meanwhile(
    fresh: Store, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await portals(catalog)

    async def build_slowly(*arguments: Any, **named: Any) -> None:
        await build(*arguments, **named)
        await append(fresh, other, unreadable(2, begin=3))

    monkeypatch.setattr(module, "build", build_slowly)

    async with living(fresh) as live:
        await live.follow({one.id: 1, other.id: 1})
        await rebuild(fresh, catalog, unread)
        await live.catch_up()
        await live.follow((await catalog.snapshot()).pointers)

        assert (live.generation(one.id), live.generation(other.id)) == (2, 2)
    assert await query(
        fresh.generation(2),
        f"SELECT position FROM checkpoint WHERE portal_id = {other.id}",  # noqa: S608
    ) == [(5,)]
    assert await differences(fresh, *await portals(catalog)) == []


async def test_a_rebuild_of_one_portal_leaves_the_other_where_it_is(
    fresh: Store, catalog: Catalog
) -> None:
    one, _ = await portals(catalog)

    await rebuild(fresh, catalog, unread, what=Selection({one.id}))

    assert await numbers(catalog) == [2, 1]
    assert await differences(fresh, *await portals(catalog)) == []


async def test_a_rebuild_that_is_cut_off_changes_nothing_and_a_later_one_clears_up(
    fresh: Store, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_off(*arguments: Any, **named: Any) -> None:
        await build(*arguments, **named)
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(module, "build", cut_off)
        with pytest.raises(ZeroDivisionError):
            await rebuild(fresh, catalog, unread)
    left = await fresh.generations()
    read = await numbers(catalog)
    await rebuild(fresh, catalog, unread)
    soon = await fresh.generations()
    monkeypatch.setattr(pointers, "GRACE", 0)
    await rebuild(fresh, catalog, unread)

    assert (left, read) == ([1, 2], [1, 1])
    # Who reads the first may still do so. On PostgreSQL the second may be under way elsewhere.
    assert soon == ([1, 2, 3] if fresh.remote else [1, 3])
    assert await fresh.generations() == [4]
    assert await numbers(catalog) == [4, 4]
