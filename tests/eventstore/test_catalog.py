"""The catalog: portals, keys and tokens, of which only digests are kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventstore.catalog import Catalog
from eventstore.database import Place
from eventstore.database.sqlite import SqliteFile
from eventstore.errors import (
    InvalidRegistration,
    PortalExists,
    StoreMissing,
    StoreUnavailable,
    UnknownPortal,
    UnknownToken,
    WrongSecretKey,
)
from eventstore.folder import Folder
from eventstore.schema import catalog_metadata
from eventstore.secret_key import SecretKey
from eventstore.store import Store
from eventstore.tokens import Tokens
from tests.engines import patiently, query


@pytest.fixture
async def other(fresh: Store, catalog: Catalog) -> AsyncIterator[Catalog]:
    """The same catalog, as another process has it."""
    other = await Catalog.open(fresh)
    yield other
    await other.close()


async def stored_bytes(place: Place) -> bytes:
    """Return all that a catalog keeps: the file as it is, or every value of every table."""
    if isinstance(place, SqliteFile):
        return place.path.read_bytes()
    values = [
        value
        for table in catalog_metadata.sorted_tables
        for row in await query(place, f"SELECT * FROM {table.name}")  # noqa: S608
        for value in row
    ]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


async def test_a_portal_is_found_by_its_ingest_key(catalog: Catalog) -> None:
    key = await catalog.add_portal("acme", "m1", now=1, application_tokens=["t1", "t2"])

    snapshot = await catalog.snapshot()

    portal = snapshot.by_ingest_key[catalog.key.digest("ingest key", key)]
    assert (portal.slug, portal.member_id) == ("acme", "m1")
    assert portal.application_tokens == {
        catalog.key.digest("application token", token) for token in ("t1", "t2")
    }
    assert len(key) >= 32


async def test_slug_and_member_id_are_taken_once(catalog: Catalog) -> None:
    await catalog.add_portal("acme", "m1", now=1)

    for slug, member in (("acme", "m2"), ("other", "m1")):
        with pytest.raises(PortalExists):
            await catalog.add_portal(slug, member, now=1)

    assert list((await catalog.snapshot()).portals) == ["acme"]


@pytest.mark.parametrize(
    ("slug", "member"), [("", "m"), ("Acme", "m"), ("a/b", "m"), ("a", ""), ("a", "m m")]
)
async def test_names_of_the_wrong_form_are_refused(
    catalog: Catalog, slug: str, member: str
) -> None:
    with pytest.raises(InvalidRegistration):
        await catalog.add_portal(slug, member, now=1)


async def test_a_rotated_key_leaves_the_old_one_valid_until_it_is_revoked(
    catalog: Catalog,
) -> None:
    old = await catalog.add_portal("acme", "m1", now=1)

    new = await catalog.rotate_ingest_key("acme", now=2, revoke_old=False)
    both = (await catalog.snapshot()).portals["acme"].ingest_keys
    newest = await catalog.rotate_ingest_key("acme", now=3, revoke_old=True)
    last = (await catalog.snapshot()).portals["acme"].ingest_keys

    assert both == {catalog.key.digest("ingest key", key) for key in (old, new)}
    assert last == {catalog.key.digest("ingest key", newest)}


async def test_application_tokens_come_and_go(catalog: Catalog) -> None:
    await catalog.add_portal("acme", "m1", now=1)

    await catalog.add_application_token("acme", "t1", now=2)
    await catalog.add_application_token("acme", "t1", now=3)

    assert await catalog.remove_application_token("acme", "t1")
    assert not await catalog.remove_application_token("acme", "t1")
    with pytest.raises(UnknownPortal):
        await catalog.add_application_token("nobody", "t1", now=2)


async def test_a_token_is_made_once_and_revoked_for_good(catalog: Catalog) -> None:
    await catalog.add_portal("acme", "m1", now=1)
    token_id, secret = await Tokens(catalog).create(
        portals=["acme"], scopes=["messages:read"], now=1, expires_at=9, label="auditor"
    )

    await Tokens(catalog).revoke(token_id, now=5)
    await Tokens(catalog).revoke(token_id, now=6)

    token = (await catalog.snapshot()).tokens[catalog.key.digest("bearer token", secret)]
    assert (token.id, token.revoked_at, token.expires_at) == (token_id, 5, 9)
    with pytest.raises(UnknownToken):
        await Tokens(catalog).revoke("nobody", now=1)
    with pytest.raises(InvalidRegistration, match="unknown scope"):
        await Tokens(catalog).create(portals=["acme"], scopes=["root"], now=1)
    with pytest.raises(UnknownPortal):
        await Tokens(catalog).create(portals=["nobody"], scopes=[], now=1)


async def test_every_change_moves_the_revision(catalog: Catalog) -> None:
    before = await catalog.revision()

    await catalog.add_portal("acme", "m1", now=1)

    assert await catalog.revision() > before


async def test_no_secret_stands_in_the_catalog(catalog: Catalog, fresh: Store) -> None:
    key = await catalog.add_portal("acme", "m1", now=1, application_tokens=["CANARY-token"])
    _, secret = await Tokens(catalog).create(portals=["acme"], scopes=[], now=1, label="auditor")
    hmac_key = (await catalog.snapshot()).portals["acme"].hmac_key

    stored = await stored_bytes(fresh.catalog)

    assert b"auditor" in stored
    for kept in (key.encode(), secret.encode(), b"CANARY-token", hmac_key):
        assert kept not in stored


async def test_a_store_that_nobody_made_is_not_made_by_looking(fresh: Store) -> None:
    with pytest.raises(StoreMissing):
        await Catalog.open(fresh)

    assert not await fresh.catalog.exists()
    assert not fresh.secret_key.exists()


async def test_another_secret_key_is_refused(catalog: Catalog, fresh: Store) -> None:
    fresh.secret_key.write_text(f"1 {'0' * 64}\n")

    with pytest.raises(WrongSecretKey, match="another secret key"):
        await Catalog.open(fresh)


async def test_a_missing_secret_key_is_not_made_anew(catalog: Catalog, fresh: Store) -> None:
    fresh.secret_key.unlink()

    with pytest.raises(WrongSecretKey, match="is missing"):
        await Catalog.open(fresh)
    with pytest.raises(WrongSecretKey, match="is missing"):
        await Catalog.open(fresh, create=True)

    assert not fresh.secret_key.exists()


async def test_a_store_without_a_key_yet_is_given_one(store: Store) -> None:
    """`chronicle migrate` makes the tables, or the first start was cut off after it made them."""
    catalog = await Catalog.open(store, create=True)
    await catalog.close()

    again = await Catalog.open(store)
    await again.close()

    assert again.key == catalog.key


async def test_of_two_first_starts_both_get_the_same_store(fresh: Store) -> None:
    async def start() -> Catalog:
        return await Catalog.open(fresh, create=True)

    catalogs = await asyncio.gather(*(patiently(start) for _ in range(4)))

    for number, catalog in enumerate(catalogs):
        await catalog.add_portal(f"p{number}", f"m{number}", now=1)
    snapshots = [await catalog.snapshot() for catalog in catalogs]
    for catalog in catalogs:
        await catalog.close()

    assert len({catalog.key.master for catalog in catalogs}) == 1
    assert [len(snapshot.portals) for snapshot in snapshots] == [4] * 4


async def test_changes_at_the_same_time_are_all_kept(catalog: Catalog, other: Catalog) -> None:
    before = await catalog.revision()

    await asyncio.gather(
        *(each.add_portal(f"p{n}", f"m{n}", now=1) for n, each in enumerate((catalog, other) * 4))
    )

    portals = (await catalog.snapshot()).portals
    assert sorted(portals) == [f"p{n}" for n in range(8)]
    assert sorted(portal.id for portal in portals.values()) == list(range(1, 9))
    assert await other.revision() == before + 8


async def test_of_two_that_register_the_same_portal_one_is_refused(
    catalog: Catalog, other: Catalog
) -> None:
    results = await asyncio.gather(
        *(each.add_portal("acme", "m1", now=1) for each in (catalog, other)),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["PortalExists", "str"]
    assert len((await catalog.snapshot()).portals["acme"].ingest_keys) == 1


async def test_who_reads_keeps_nobody_from_changing(catalog: Catalog, other: Catalog) -> None:
    async with catalog.reading():
        await other.add_portal("acme", "m1", now=1)

    assert list((await catalog.snapshot()).portals) == ["acme"]


async def test_who_changes_is_alone(catalog: Catalog, other: Catalog) -> None:
    async with catalog.changing():
        changing = asyncio.create_task(other.add_portal("acme", "m1", now=1))
        await asyncio.sleep(0.05)
        assert not changing.done()

    await changing
    assert list((await catalog.snapshot()).portals) == ["acme"]


async def test_a_change_that_fails_is_none(catalog: Catalog) -> None:
    before = await catalog.revision()

    with pytest.raises(UnknownPortal):
        await Tokens(catalog).create(portals=["nobody"], scopes=[], now=1)

    assert await catalog.revision() == before


async def test_a_catalog_that_stays_locked_is_an_error_of_ours(
    catalog: Catalog, fresh: Store
) -> None:
    await catalog.close()
    impatient = await Catalog.open(fresh, patience=0.05)
    holder = await fresh.catalog.open_writer()
    on_sqlite = isinstance(fresh, Folder)
    await holder.execute("BEGIN EXCLUSIVE" if on_sqlite else "BEGIN; LOCK TABLE installation")

    with pytest.raises(StoreUnavailable):
        await impatient.revision()

    await holder.close()
    assert await impatient.revision() > 0
    await impatient.close()


async def test_who_waits_too_long_to_change_is_told_so(catalog: Catalog, fresh: Store) -> None:
    impatient = await Catalog.open(fresh, patience=0.05)

    async with catalog.changing():
        with pytest.raises(StoreUnavailable):
            await impatient.add_portal("acme", "m1", now=1)

    assert await impatient.add_portal("acme", "m1", now=1)
    await impatient.close()


@pytest.mark.parametrize("text", ["a\0b", "\udcff", "a\nb", "\x1b[2J"])
async def test_what_cannot_be_printed_names_nothing(catalog: Catalog, text: str) -> None:
    """PostgreSQL takes no NUL, neither engine a lone surrogate, and a terminal had better not."""
    await catalog.add_portal("acme", "m1", now=1)

    with pytest.raises(InvalidRegistration):
        await catalog.add_portal("globex", "m2", now=1, domain=text)
    with pytest.raises(InvalidRegistration):
        await Tokens(catalog).create(portals=["acme"], scopes=[], now=1, label=text)
    with pytest.raises(UnknownPortal):
        await Tokens(catalog).create(portals=[text], scopes=[], now=1)
    with pytest.raises(UnknownPortal):
        await catalog.rotate_ingest_key(text, now=1, revoke_old=False)
    with pytest.raises(UnknownToken):
        await Tokens(catalog).revoke(text, now=1)

    assert list((await catalog.snapshot()).portals) == ["acme"]


async def test_an_application_token_may_be_whatever_was_sent(catalog: Catalog) -> None:
    """Only its digest is kept."""
    await catalog.add_portal("acme", "m1", now=1)

    await catalog.add_application_token("acme", "a\0b\udcff", now=1)

    assert await catalog.remove_application_token("acme", "a\0b\udcff")


async def test_rejections_add_up(catalog: Catalog) -> None:
    await catalog.count_rejections({(1, "a"): 2, (1, "b"): 1})
    await catalog.count_rejections({(1, "a"): 3, (2, "a"): 1})

    assert await catalog.rejections() == {1: 6, 2: 1}


async def test_rejections_are_counted_by_many_at_once(catalog: Catalog, other: Catalog) -> None:
    counts = {(portal, reason): 1 for portal in range(10) for reason in ("a", "b")}
    backwards = dict(reversed(counts.items()))

    await asyncio.gather(
        *(
            each.count_rejections(some)
            for _ in range(4)
            for each, some in ((catalog, counts), (other, backwards))
        )
    )

    assert await catalog.rejections() == dict.fromkeys(range(10), 16)


def test_the_key_file_is_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"

    key = SecretKey.load_or_create(path)

    assert SecretKey.load_or_create(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]
    assert key.master.hex() not in repr(key)


@pytest.mark.parametrize("content", ["", "1", "x" * 70, f"1 {'g' * 64}\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)

    with pytest.raises(WrongSecretKey):
        SecretKey.load_or_create(path)
