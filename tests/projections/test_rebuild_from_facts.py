"""A rebuild from facts: nothing is decoded again, and the rows are the same."""

import pytest

from eventstore.catalog import Catalog
from eventstore.store import Store
from projections import generations
from projections import rebuild as module
from projections.errors import IncompleteGeneration, StaleGeneration
from projections.fingerprints import Fingerprints, fingerprints
from projections.rebuild import Selection, rebuild
from tests.engines import damage, query
from tests.projections.stored import append, differences, portals, unread, unreadable

FROM_FACTS = Selection(from_facts=True)


async def test_it_makes_the_same_rows(fresh: Store, catalog: Catalog) -> None:
    summary = await rebuild(fresh, catalog, unread, what=FROM_FACTS)

    assert [portal.generation for portal in await portals(catalog)] == [2, 2]
    assert summary.events > 10
    assert await differences(fresh, *await portals(catalog)) == []


async def test_it_takes_the_facts_as_they_are(fresh: Store, catalog: Catalog) -> None:
    await damage(fresh.generation(1), "UPDATE fact SET text = 'forged' WHERE text IS NOT NULL")

    await rebuild(fresh, catalog, unread, what=FROM_FACTS)

    texts = await query(fresh.generation(2), "SELECT DISTINCT text FROM message_version")
    assert texts == [("forged",)]


async def test_it_goes_on_with_what_was_not_projected_yet(fresh: Store, catalog: Catalog) -> None:
    _, other = await portals(catalog)
    newest = await append(fresh, other, unreadable(2, begin=50))

    await rebuild(fresh, catalog, unread, what=FROM_FACTS)

    reached = "SELECT position FROM checkpoint WHERE portal_id = 2"
    assert await query(fresh.generation(2), reached) == [(newest,)]
    assert await differences(fresh, *await portals(catalog)) == []


async def test_facts_of_several_generations_come_together(fresh: Store, catalog: Catalog) -> None:
    one, _ = await portals(catalog)
    await rebuild(fresh, catalog, unread, what=Selection({one.id}))

    await rebuild(fresh, catalog, unread, what=FROM_FACTS)

    assert [portal.generation for portal in await portals(catalog)] == [3, 3]
    assert await differences(fresh, *await portals(catalog)) == []


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        (fingerprints()._replace(rows="0123456789abcdef"), True),
        (fingerprints()._replace(facts="0123456789abcdef"), False),
    ],
)
async def test_only_facts_of_the_same_decoders_are_taken(
    fresh: Store,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    other: Fingerprints,
    *,
    taken: bool,
) -> None:
    monkeypatch.setattr(module, "fingerprints", lambda: other)
    monkeypatch.setattr(generations, "fingerprints", lambda: other)

    if taken:
        await rebuild(fresh, catalog, unread, what=FROM_FACTS)
    else:
        with pytest.raises(StaleGeneration, match="--from raw"):
            await rebuild(fresh, catalog, unread, what=FROM_FACTS)

    assert [portal.generation for portal in await portals(catalog)] == [1 + taken] * 2


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("DELETE FROM message WHERE message_id = (SELECT min(message_id) FROM message)", "message"),
        ("DELETE FROM chat", "chat"),
        ("DELETE FROM user_profile", "user"),
        ("UPDATE checkpoint SET position = position - 1", "is at"),
        ("UPDATE fact SET position = position + 10000 WHERE position = 1", "behind position"),
    ],
)
async def test_what_is_not_whole_is_never_read(
    fresh: Store, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, loss: str, said: str
) -> None:
    async def nothing(*_: object) -> None:
        await damage(fresh.generation(2), loss)

    monkeypatch.setattr(module, "_catch_up", nothing)

    with pytest.raises(IncompleteGeneration, match=said):
        await rebuild(fresh, catalog, unread)

    assert [portal.generation for portal in await portals(catalog)] == [1, 1]
