"""The quarantine: bodies that nobody could read, sealed and bounded."""

import pytest

from eventstore import quarantine as module
from eventstore.catalog import Catalog
from eventstore.errors import UnknownQuarantined, WrongSecretKey
from eventstore.folder import Folder
from eventstore.quarantine import Quarantine, Unreadable
from eventstore.schema import quarantined

FOUND = Unreadable(received_at=5, source="webhook", receiver="app", reason="no JSON")


async def test_a_body_comes_back_byte_for_byte(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)

    number = await quarantine.keep(1, b"\xff\x00{", FOUND)

    assert number == 1
    assert await quarantine.body(1, 1) == b"\xff\x00{"
    listed = (await quarantine.page(1))[0]
    assert (listed.number, listed.size, listed.reason) == (1, 3, "no JSON")


async def test_bodies_are_sealed(catalog: Catalog, folder: Folder) -> None:
    await Quarantine(catalog).keep(1, b"CANARY in a truncated body", FOUND)

    assert b"CANARY" not in folder.catalog.read_bytes()


async def test_a_body_moved_to_another_portal_does_not_open(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)
    await quarantine.keep(1, b"body", FOUND)
    async with catalog.engine.begin() as tx:
        await tx.execute(quarantined.update().values(portal_id=2))

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


async def test_the_same_body_is_kept_once(catalog: Catalog) -> None:
    quarantine = Quarantine(catalog)

    numbers = [await quarantine.keep(1, body, FOUND) for body in (b"a", b"b", b"a")]

    assert numbers == [1, 2, 1]
    assert await quarantine.counts() == {1: 2}
