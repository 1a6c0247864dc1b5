"""The quarantine: bodies that nobody could read, sealed and bounded."""

import asyncio

import pytest

from eventstore import quarantine as module
from eventstore.catalog import Catalog
from eventstore.errors import UnknownQuarantined, WrongSecretKey
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.store import Store
from tests.engines import damage
from tests.eventstore.test_catalog import stored_bytes

FOUND = Unreadable(received_at=5, source="webhook", receiver="app", reason="no JSON")


async def test_a_body_comes_back_byte_for_byte(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)

    number = await quarantine.keep(1, b"\xff\x00{", FOUND)

    assert number == 1
    assert await quarantine.body(1, 1) == b"\xff\x00{"
    listed = (await quarantine.page(1))[0]
    assert (listed.number, listed.size, listed.reason) == (1, 3, "no JSON")


async def test_bodies_are_sealed(catalog: Catalog, fresh: Store) -> None:
    await Quarantine(catalog).keep(1, b"CANARY in a truncated body", FOUND)

    stored = await stored_bytes(fresh.catalog)

    assert b"no JSON" in stored
    assert b"CANARY" not in stored


async def test_a_body_moved_to_another_portal_does_not_open(catalog: Catalog, fresh: Store) -> None:
    quarantine = Quarantine(catalog)
    await quarantine.keep(1, b"body", FOUND)
    await damage(fresh.catalog, "UPDATE quarantined SET portal_id = 2")

    with pytest.raises(WrongSecretKey):
        await quarantine.body(2, 1)


async def test_a_full_quarantine_keeps_what_came_first(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODIES", 2)
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    quarantine = Quarantine(catalog)

    kept = [await quarantine.keep(1, body, FOUND) for body in (b"a", b"x" * 10, b"b", b"c")]

    assert kept == [1, None, 2, None]
    assert await quarantine.counts() == {1: 2}
    assert await quarantine.keep(2, b"of another portal", FOUND) is None
    assert await quarantine.keep(2, b"other", FOUND) == 1


async def test_what_was_dropped_is_gone(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)
    await quarantine.keep(1, b"body", FOUND)

    await quarantine.drop(1, 1)

    assert await quarantine.page(1) == []
    with pytest.raises(UnknownQuarantined):
        await quarantine.body(1, 1)


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**63, 2**70])
async def test_a_number_that_nobody_gave_is_unknown(catalog: Catalog, number: int) -> None:
    """Also one that no column could hold."""
    quarantine = Quarantine(catalog)
    await quarantine.keep(1, b"body", FOUND)

    with pytest.raises(UnknownQuarantined):
        await quarantine.body(1, number)


async def test_a_page_begins_behind_a_number(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)
    for body in (b"a", b"b", b"c"):
        await quarantine.keep(1, body, FOUND)
    await quarantine.keep(2, b"d", FOUND)

    page = await quarantine.page(1, after=1, limit=1)

    assert [(kept.portal_id, kept.number) for kept in page] == [(1, 2)]


async def test_the_same_body_is_kept_once(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)

    numbers = [await quarantine.keep(1, body, FOUND) for body in (b"a", b"b", b"a")]

    assert numbers == [1, 2, 1]
    assert await quarantine.counts() == {1: 2}


async def test_bodies_that_come_at_once_get_numbers_of_their_own(
    catalog: Catalog, fresh: Store
) -> None:
    await catalog.add_portal("acme", "m1", now=1)
    other = await Catalog.open(fresh)
    quarantines = [Quarantine(catalog), Quarantine(other)]

    numbers = await asyncio.gather(
        *(each.keep(1, b"%d" % number, FOUND) for number in range(10) for each in quarantines)
    )
    await other.close()

    assert numbers[0::2] == numbers[1::2]
    assert sorted(filter(None, numbers[0::2])) == list(range(1, 11))
