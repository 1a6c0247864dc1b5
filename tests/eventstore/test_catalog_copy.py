"""The copy of the catalog: all of it, read by nobody without the key."""

from pathlib import Path

import pytest

from eventstore.catalog import Catalog
from eventstore.catalog_copy import seal_snapshot, unseal_snapshot
from eventstore.directory import Snapshot
from eventstore.errors import WrongSecretKey
from eventstore.secret_key import SecretKey
from eventstore.spool import Spool
from eventstore.tokens import Tokens
from tests.eventstore.spooling import KEY, batch, bytes_of, opened


@pytest.fixture
async def snapshot(catalog: Catalog) -> Snapshot:
    """A catalog with something in every field."""
    for slug, tokens in (("acme", ["t1", "t2"]), ("globex", [])):
        await catalog.add_portal(
            slug, f"m-{slug}", now=1, application_tokens=tokens, domain=f"{slug}.example"
        )
    await catalog.rotate_ingest_key("acme", now=2, revoke_old=False)
    scopes = ["messages:read", "export"]
    await Tokens(catalog).create(portals=["acme", "globex"], scopes=scopes, now=3)
    token_id, _ = await Tokens(catalog).create(
        portals=["acme"], scopes=scopes, now=3, expires_at=9, label="über"
    )
    await Tokens(catalog).revoke(token_id, now=4)
    return await catalog.snapshot()


async def test_the_copy_says_what_the_catalog_says(spool: Spool, snapshot: Snapshot) -> None:
    assert await spool.remembered() is None

    await spool.remember(snapshot)

    assert await spool.remembered() == snapshot


async def test_a_later_copy_replaces_it_and_another_process_finds_it(
    spool_folder: Path, snapshot: Snapshot
) -> None:
    async with opened(spool_folder) as spool:
        await spool.remember(snapshot)
        await spool.remember(Snapshot(7, {}, {}))

    async with opened(spool_folder) as spool:
        assert await spool.remembered() == Snapshot(7, {}, {})


async def test_nothing_of_it_stands_in_the_file_in_clear(
    spool: Spool, spool_folder: Path, snapshot: Snapshot
) -> None:
    await spool.remember(snapshot)
    await spool.put(batch("a"))

    stored = b"".join(bytes_of(spool_folder).values())

    portal = snapshot.portals["acme"]
    for secret in (portal.hmac_key, *portal.ingest_keys, *portal.application_tokens):
        assert secret not in stored
        assert secret.hex().encode() not in stored
    assert b"m-acme" not in stored
    assert KEY.master not in stored


def test_the_key_of_another_installation_opens_no_copy(snapshot: Snapshot) -> None:
    sealed = seal_snapshot(snapshot, KEY)

    with pytest.raises(WrongSecretKey, match="the copy of the catalog"):
        unseal_snapshot(sealed, SecretKey(1, b"t" * 32))


@pytest.mark.parametrize("content", [b"{}", b"[1]", b'[1,[{"id":1}],[]]', b"\xff"])
def test_a_copy_that_this_version_cannot_read_is_none(content: bytes) -> None:
    assert unseal_snapshot(KEY.seal(content, "the copy of the catalog"), KEY) is None
