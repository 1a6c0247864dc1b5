"""The catalog: portals, keys and tokens, of which only digests are kept."""

import sqlite3

import pytest

from eventstore.catalog import Catalog
from eventstore.errors import (
    InvalidRegistration,
    PortalExists,
    StoreUnavailable,
    UnknownPortal,
    UnknownToken,
    WrongSecretKey,
)
from eventstore.folder import Folder
from eventstore.secret_key import SecretKey


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
    token_id, secret = await catalog.create_token(
        portals=["acme"], scopes=["messages:read"], now=1, expires_at=9, label="auditor"
    )

    await catalog.revoke_token(token_id, now=5)
    await catalog.revoke_token(token_id, now=6)

    token = (await catalog.snapshot()).tokens[catalog.key.digest("bearer token", secret)]
    assert (token.id, token.revoked_at, token.expires_at) == (token_id, 5, 9)
    with pytest.raises(UnknownToken):
        await catalog.revoke_token("nobody", now=1)
    with pytest.raises(InvalidRegistration, match="unknown scope"):
        await catalog.create_token(portals=["acme"], scopes=["root"], now=1)
    with pytest.raises(UnknownPortal):
        await catalog.create_token(portals=["nobody"], scopes=[], now=1)


async def test_every_change_moves_the_revision(catalog: Catalog) -> None:
    before = await catalog.revision()

    await catalog.add_portal("acme", "m1", now=1)

    assert await catalog.revision() > before


async def test_no_secret_stands_in_the_file(catalog: Catalog, folder: Folder) -> None:
    key = await catalog.add_portal("acme", "m1", now=1, application_tokens=["CANARY-token"])
    _, secret = await catalog.create_token(portals=["acme"], scopes=[], now=1)
    hmac_key = (await catalog.snapshot()).portals["acme"].hmac_key

    stored = folder.catalog.read_bytes()

    for kept in (key.encode(), secret.encode(), b"CANARY-token", hmac_key):
        assert kept not in stored


async def test_another_secret_key_is_refused(catalog: Catalog, folder: Folder) -> None:
    folder.secret_key.write_text(f"1 {'0' * 64}\n")

    with pytest.raises(WrongSecretKey, match="another secret key"):
        await folder.open_catalog()


async def test_a_missing_secret_key_is_not_made_anew(catalog: Catalog, folder: Folder) -> None:
    folder.secret_key.unlink()

    with pytest.raises(WrongSecretKey, match="is missing"):
        await folder.open_catalog()

    assert not folder.secret_key.exists()


async def test_a_log_without_its_catalog_is_given_to_nobody(
    catalog: Catalog, folder: Folder
) -> None:
    folder.log.touch()
    folder.catalog.unlink()

    with pytest.raises(StoreUnavailable, match="whose events"):
        await folder.open_catalog()


async def test_a_catalog_that_stays_locked_is_an_error_of_ours(
    catalog: Catalog, folder: Folder
) -> None:
    await catalog.engine.dispose()
    impatient = await Catalog.open(folder.catalog, catalog.key, patience=0.05)
    other = sqlite3.connect(folder.catalog, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreUnavailable):
        await impatient.revision()

    other.close()
    assert await impatient.revision() > 0
    await impatient.close()


async def test_rejections_add_up(catalog: Catalog) -> None:
    await catalog.count_rejections({(1, "a"): 2, (1, "b"): 1})
    await catalog.count_rejections({(1, "a"): 3, (2, "a"): 1})

    assert await catalog.rejections() == {1: 6, 2: 1}


def test_the_key_file_is_private_and_read_again(folder: Folder) -> None:
    folder.path.mkdir()

    key = SecretKey.load_or_create(folder.secret_key)

    assert SecretKey.load_or_create(folder.secret_key) == key
    assert folder.secret_key.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.path.iterdir()] == ["secret.key"]
    assert key.master.hex() not in repr(key)


@pytest.mark.parametrize("content", ["", "1", "x" * 70, f"1 {'g' * 64}\n"])
def test_a_file_that_is_no_key_is_refused(folder: Folder, content: str) -> None:
    folder.path.mkdir()
    folder.secret_key.write_text(content)

    with pytest.raises(WrongSecretKey):
        SecretKey.load_or_create(folder.secret_key)


async def test_who_reads_keeps_nobody_from_writing_and_who_writes_is_alone(
    catalog: Catalog, folder: Folder
) -> None:
    other = sqlite3.connect(folder.catalog, timeout=0, isolation_level=None)

    async with catalog.reading():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    async with catalog.writing():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")

    other.close()
